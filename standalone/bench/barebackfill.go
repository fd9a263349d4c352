package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// bare fetches and publishes the histories of as many users with no product code.
func (b *backfilling) bare(ctx context.Context, start, stop func()) (int, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: backfillWorkers}}
	defer client.CloseIdleConnections()
	work := make(chan int, b.past.users)
	for i := range b.past.users {
		work <- i
	}
	close(work)
	start()
	var loops sync.WaitGroup
	records, errs := make([]int, backfillWorkers), make([]error, backfillWorkers)
	for loop := range backfillWorkers {
		loops.Go(func() {
			for i := range work {
				n, err := b.bareUser(ctx, client, uuid.NewString(), b.tokens[i%usualPeople])
				if records[loop] += n; err != nil {
					errs[loop] = err
					return
				}
			}
		})
	}
	loops.Wait()
	stop()
	total := 0
	for _, n := range records {
		total += n
	}
	err := errors.Join(errs...)
	if err == nil && total != b.records {
		err = fmt.Errorf("it published %d records, the product %d", total, b.records)
	}
	return total, err
}

// bareUser follows one user's list to its end.
func (b *backfilling) bareUser(ctx context.Context, client *http.Client, user, token string) (records int, err error) {
	for address := b.past.first(b.address); address != ""; {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return records, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
		var page cloudPage
		if err := getBy(client, req, &page); err != nil {
			return records, err
		}
		var batch []*nats.Msg
		for _, r := range append(page.Activities, page.DataPoints...) {
			batch = append(batch, &nats.Msg{Subject: "bare." + user, Header: nats.Header{}, Data: r})
		}
		if len(batch) > 0 {
			if _, err := jetstreamext.PublishMsgBatch(ctx, b.bus.JetStream(), batch); err != nil {
				return records, err
			}
		}
		records += len(batch)
		address = b.past.next(b.address, page)
	}
	return records, nil
}
