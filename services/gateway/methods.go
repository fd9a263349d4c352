package gateway

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/gateway/internal/audit"
	"github.com/stridelog/stridelog/services/gateway/internal/erasure"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

const serviceName = "gateway"

// methods answers whoever operates the system by its commands, until ctx ends.
func (s *Service) methods(ctx context.Context, ready func()) error {
	server, err := s.c.Bus.Serve(serviceName, s.c.Log, bus.Method(rpc.GatewayErase, s.erase), bus.Method(rpc.GatewayErasure, s.erasure))
	if err != nil {
		return err
	}
	defer server.Stop()
	ready()
	<-ctx.Done()
	return nil
}

// erase is DELETE /users/{user_id}.
func (s *Service) erase(ctx context.Context, r rpc.EraseUserRequest) (rpc.ErasureResponse, error) {
	id, err := uuid.Parse(r.UserID)
	if err != nil {
		return rpc.ErasureResponse{}, &rpc.Error{Code: rpc.CodeInvalidArgument, Field: "user_id", Detail: "The user id is not a UUID."}
	}
	sequence, err := s.audit.Begin(ctx, audit.Entry{Actor: audit.ActorCommand, Action: "user.erased", UserID: &id})
	if err != nil {
		return rpc.ErasureResponse{}, err
	}
	e, err := answer(s.erasures.Accept(ctx, id))
	s.keys.Forget()
	o := audit.Outcome{Status: audit.Done}
	if err != nil {
		o.Status = audit.Failed
	}
	if ended := s.audit.End(ctx, sequence, o); ended != nil {
		s.c.Log.WarnContext(ctx, "a record of the audit stays without its outcome", "sequence", sequence, "error", ended)
	}
	return e, err
}

// erasure is GET /erasures/{erasure_id}.
func (s *Service) erasure(ctx context.Context, r rpc.ErasureRequest) (rpc.ErasureResponse, error) {
	id, err := uuid.Parse(r.ErasureID)
	if err != nil {
		return rpc.ErasureResponse{}, &rpc.Error{Code: rpc.CodeInvalidArgument, Field: "erasure_id", Detail: "The erasure id is not a UUID."}
	}
	return answer(s.erasures.Get(ctx, id))
}

func answer(e erasure.Erasure, err error) (rpc.ErasureResponse, error) {
	var p *problem.Problem
	switch {
	case errors.As(err, &p) && p.Status == http.StatusNotFound:
		return rpc.ErasureResponse{}, &rpc.Error{Code: rpc.CodeNotFound, Detail: p.Detail}
	case err != nil:
		return rpc.ErasureResponse{}, err
	}
	r := rpc.ErasureResponse{
		ErasureID: e.ID.String(), State: e.State, UserSHA256: hex.EncodeToString(e.UserHash), Counts: e.Erased(), Left: e.Left, FinishedAt: e.FinishedAt,
	}
	if e.LastError != nil {
		r.LastError = *e.LastError
	}
	return r, nil
}
