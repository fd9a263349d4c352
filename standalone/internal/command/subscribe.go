package command

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/stridelog/stridelog/platform/env"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/catalog"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

// subscriptions are the commands that have providers tell of changes by themselves.
func subscriptions() (list []action) {
	for _, r := range catalog.All() {
		if s := r.Subscription; s != nil {
			list = append(list, action{s.Command, s.Says, config.Needs{Stores: config.StoresNone}, subscribing{r}.run})
		}
	}
	return list
}

// subscribing registers where a provider sends its notifications.
type subscribing struct{ provider.Registration }

func (s subscribing) run(ctx context.Context, p Process, c config.Config, args []string) error {
	if len(args) == 0 || args[0] != "subscribe" {
		return fmt.Errorf("%w: %s", errUsage, s.usage())
	}
	call, err := s.call(p, c, args[1:])
	if err != nil {
		return err
	}
	said, err := s.Subscription.Subscribe(ctx, call)
	if err != nil {
		return err
	}
	fmt.Fprintln(p.Stdout, said)
	return nil
}

func (s subscribing) usage() string {
	return "stridelog " + s.Subscription.Command + " subscribe " + s.Subscription.Usage
}

// call reads the command line and the environment.
func (s subscribing) call(p Process, c config.Config, args []string) (provider.SubscribeCall, error) {
	name := s.Descriptor.Name
	values := c.Providers[name]
	usage := s.usage() + "; " + s.Subscription.Hint
	call := provider.SubscribeCall{Flags: map[string]string{}, Values: values}
	flags := newFlags(p, s.Subscription.Command+" subscribe")
	given := map[string]*string{}
	for _, f := range s.Subscription.Flags {
		given[f.Name] = flags.String(f.Name, f.Default, f.Says)
	}
	flags.StringVar(&call.Endpoint, "endpoint", "", "where the provider reaches the gateway; default: the host of "+
		provider.Variable(name, provider.SettingRedirectURI)+" and "+config.NotificationURL("", name))
	if err := parseFlags(flags, args, usage); err != nil {
		return call, err
	}
	for _, f := range s.Subscription.Flags {
		value := *given[f.Name]
		switch {
		case f.Valid(value):
			call.Flags[f.Name] = value
		case f.Must == "":
			return call, fmt.Errorf("%w: %s", errUsage, usage)
		default:
			return call, fmt.Errorf("%w: --%s %s", errUsage, f.Name, f.Must)
		}
	}
	r := env.New(p.Env)
	if call.Token = provider.Secret(r.Secret(s.Subscription.TokenVariable)); call.Token == "" {
		r.Fault(s.Subscription.TokenVariable, "is required: "+s.Subscription.TokenHint)
	}
	if values[provider.SettingNotificationSecret] == "" {
		r.Fault(provider.Variable(name, provider.SettingNotificationSecret), "is required, the same that the gateway has: "+s.Subscription.SecretHint)
	}
	if call.Endpoint == "" {
		call.Endpoint = notificationsBeside(values, name)
	}
	if u, err := url.Parse(call.Endpoint); err != nil || u.Host == "" {
		r.Fault("--endpoint", "is not a URL")
	}
	return call, r.Err()
}

// notificationsBeside is where the gateway takes a provider's notifications: on the host
// of the callback.
func notificationsBeside(values provider.Values, name string) string {
	u, err := url.Parse(values.Text(provider.SettingRedirectURI))
	if err != nil {
		return ""
	}
	return config.NotificationURL(u.Scheme+"://"+u.Host, name)
}

// choice is a list of words of which one is chosen.
func choice(words []string) string { return strings.Join(words, "|") }
