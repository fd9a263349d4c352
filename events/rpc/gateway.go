package rpc

import "time"

// The methods that the gateway answers, for whoever operates the system.
const (
	GatewayErase   Method = "rpc.gateway.v1.erase"
	GatewayErasure Method = "rpc.gateway.v1.erasure"
)

// EraseUserRequest asks to delete a person everywhere. The answer comes once that is
// certain to happen; CodeNotFound when there is no such user, or no longer.
type EraseUserRequest struct {
	UserID string `json:"user_id"`
}

// ErasureRequest asks how an erasure stands.
type ErasureRequest struct {
	ErasureID string `json:"erasure_id"`
}

// ErasureResponse is how an erasure stands.
type ErasureResponse struct {
	ErasureID  string           `json:"erasure_id"`
	State      string           `json:"state"`
	UserSHA256 string           `json:"user_sha256"`
	Counts     map[string]int64 `json:"counts"`               // what was deleted so far, by kind
	Left       *int64           `json:"left,omitempty"`       // messages still in the log; nil until they are counted
	LastError  string           `json:"last_error,omitempty"` // of the step that is tried again
	FinishedAt *time.Time       `json:"finished_at,omitempty"`
}
