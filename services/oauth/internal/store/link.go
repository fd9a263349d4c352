package store

import (
	"context"
	"encoding/json"
	"fmt"
)

// Link stores which accounts elsewhere belong to the person of a connection, by
// provider. What was known before is replaced.
func (t Tx) Link(ctx context.Context, c Connection, accounts map[string]string) error {
	if accounts == nil {
		accounts = map[string]string{}
	}
	text, err := json.Marshal(accounts)
	if err != nil {
		return fmt.Errorf("store the linked accounts of connection %s: %w", c.ID, err)
	}
	if _, err := t.tx.Exec(ctx, "UPDATE oauth.connections SET linked_accounts = $2 WHERE id = $1", c.ID, text); err != nil {
		return fmt.Errorf("store the linked accounts of connection %s: %w", c.ID, err)
	}
	return nil
}

// SucceededAt says whether the person of a connection has a live one at another
// provider that is linked to this account.
func (t Tx) SucceededAt(ctx context.Context, c Connection, successor string) (succeeded bool, err error) {
	err = t.tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM oauth.connections
		WHERE user_id = $1 AND provider = $2 AND status <> 'revoked' AND linked_accounts ->> $3 = $4)`,
		c.UserID, successor, c.Provider, c.AccountID).Scan(&succeeded)
	if err != nil {
		return false, fmt.Errorf("look for the successor of connection %s: %w", c.ID, err)
	}
	return succeeded, nil
}
