package main

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// bareList answers a page of workouts the plain way: the gateway's statements, a
// struct for each row, encoding/json.
type bareList struct{ db *pgxpool.Pool }

type bareWorkout struct {
	ID          uuid.UUID       `json:"id"`
	StartTime   time.Time       `json:"start_time"`
	Workout     json.RawMessage `json:"workout"` // the stored document
	CreatedAt   time.Time       `json:"created_at"`
	UpdatedAt   time.Time       `json:"updated_at"`
	DuplicateOf *uuid.UUID      `json:"duplicate_of"`
}

type barePage struct {
	Data  []bareWorkout `json:"data"`
	Total int64         `json:"total_count"`
}

// ServeHTTP implements http.Handler.
func (b bareList) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	limit, err := strconv.Atoi(r.FormValue("limit"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	page, err := b.page(r, r.FormValue("user"), limit)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(page)
}

func (b bareList) page(r *http.Request, user string, limit int) (page barePage, err error) {
	var batch pgx.Batch
	batch.Queue(`SELECT true FROM gateway.users WHERE id = $1`, user)
	batch.Queue(`SELECT coalesce(sum(count), 0)::bigint FROM projector.view_record_counts_v1 WHERE user_id = $1 AND kind = 'activity' AND NOT hidden`, user)
	batch.Queue(`SELECT id, start_time, doc, created_at, updated_at, duplicate_of FROM projector.view_workouts_v1
		WHERE user_id = $1 AND removed_at IS NULL AND duplicate_of IS NULL ORDER BY start_time DESC, id DESC LIMIT $2`, user, limit+1)
	answers := b.db.SendBatch(r.Context(), &batch)
	defer answers.Close()
	var exists bool
	if err := answers.QueryRow().Scan(&exists); err != nil {
		return page, err
	}
	if err := answers.QueryRow().Scan(&page.Total); err != nil {
		return page, err
	}
	rows, err := answers.Query()
	if err != nil {
		return page, err
	}
	page.Data, err = pgx.CollectRows(rows, pgx.RowToStructByPos[bareWorkout])
	if len(page.Data) > limit {
		page.Data = page.Data[:limit]
	}
	return page, err
}
