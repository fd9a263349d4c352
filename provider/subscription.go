package provider

import "context"

// Subscription is what an operator does once at a provider, so that it sends its
// notifications to our gateway: the command `stridelog COMMAND subscribe`.
type Subscription struct {
	Command string
	// Says is one line for the list of commands, after the command.
	Says string
	// Flags are what the command takes beside --endpoint.
	Flags []SubscriptionFlag
	// Usage is how it is called; Hint goes with it where a flag is wrong.
	Usage, Hint string
	// TokenVariable is the environment variable of the operator's own token, which is
	// kept nowhere; TokenHint says how to get one.
	TokenVariable, TokenHint string
	// SecretHint says what the secret of notifications is, where there is none.
	SecretHint string
	// Subscribe calls the provider and returns what to tell the operator. Its error says
	// what to do, too.
	Subscribe func(ctx context.Context, c SubscribeCall) (string, error)
}

// SubscriptionFlag is one flag of the command.
type SubscriptionFlag struct {
	Name, Default, Says string
	Valid               func(value string) bool
	// Must says what is valid; empty: the usage with the hint is enough.
	Must string
}

// SubscribeCall is what an operator says.
type SubscribeCall struct {
	Flags    map[string]string
	Endpoint string // of our gateway
	Token    Secret
	Values   Values
}
