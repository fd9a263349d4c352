package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

func TestAnOperatorErasesAUserLikeTheAPIDoes(t *testing.T) {
	s := gatewaytest.New(t)
	nothing := func(context.Context, rpc.EraseRequest) (rpc.EraseResponse, error) { return rpc.EraseResponse{}, nil }
	s.Serve("oauth", bus.Method(rpc.OAuthErase, nothing))
	s.Serve("poller", bus.Method(rpc.PollerErase, func(_ context.Context, r rpc.EraseRequest) (rpc.EraseResponse, error) {
		return rpc.EraseResponse{Counts: map[string]int64{"facts": 3}}, nil
	}))
	s.Serve("projector", bus.Method(rpc.ProjectorErase, nothing))
	user := s.User()
	begun, err := bus.Call[rpc.EraseUserRequest, rpc.ErasureResponse](t.Context(), s.Bus, rpc.GatewayErase, rpc.EraseUserRequest{UserID: user.String()})
	if err != nil || begun.ErasureID == "" || begun.State != "accepted" {
		t.Fatalf("got %+v, %v", begun, err)
	}
	s.Call(http.MethodGet, "/api/v1/users/"+user.String(), "", 404, nil)
	var now rpc.ErasureResponse
	s.Await("the erasure ends", func() bool {
		now, err = bus.Call[rpc.ErasureRequest, rpc.ErasureResponse](t.Context(), s.Bus, rpc.GatewayErasure, rpc.ErasureRequest{ErasureID: begun.ErasureID})
		return err == nil && now.State == "done"
	})
	var shown struct {
		Receipt struct {
			UserSHA256 string `json:"user_sha256"`
		} `json:"receipt"`
	}
	s.Call(http.MethodGet, "/api/v1/erasures/"+begun.ErasureID, "", 200, &shown)
	if now.Counts["poller.facts"] != 3 || now.FinishedAt == nil || now.UserSHA256 == "" || now.UserSHA256 != shown.Receipt.UserSHA256 {
		t.Errorf("the end is %+v, and REST says %+v", now, shown)
	}
	for name, test := range map[string]struct{ id, code string }{
		"erased": {user.String(), rpc.CodeNotFound}, "nobody": {uuid.NewString(), rpc.CodeNotFound}, "no id": {"*", rpc.CodeInvalidArgument},
	} {
		var refused *rpc.Error
		_, err := bus.Call[rpc.EraseUserRequest, rpc.ErasureResponse](t.Context(), s.Bus, rpc.GatewayErase, rpc.EraseUserRequest{UserID: test.id})
		if !errors.As(err, &refused) || refused.Code != test.code {
			t.Errorf("%s: erasing gave %v", name, err)
		}
		_, err = bus.Call[rpc.ErasureRequest, rpc.ErasureResponse](t.Context(), s.Bus, rpc.GatewayErasure, rpc.ErasureRequest{ErasureID: test.id})
		if !errors.As(err, &refused) || refused.Code != test.code {
			t.Errorf("%s: looking gave %v", name, err)
		}
	}
}
