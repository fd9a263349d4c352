package command

import (
	"context"
	"fmt"
	"net/url"

	"github.com/stridelog/stridelog/platform/env"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/googlehealth"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

const (
	googleUsage      = "stridelog google subscribe --project NUMBER [--id ID] [--endpoint URL]"
	googleTokenName  = "GOOGLE_ACCESS_TOKEN"
	notificationPath = "/api/v1/providers/" + googlehealth.Name + "/notifications"
)

// runGoogle registers where Google Health sends its notifications. The token comes
// from gcloud: a service account's key is for Google's own tools to keep.
func runGoogle(ctx context.Context, p Process, c config.Config, args []string) error {
	if len(args) == 0 || args[0] != "subscribe" {
		return fmt.Errorf("%w: %s", errUsage, googleUsage)
	}
	flags := newFlags(p, "google subscribe")
	project := flags.String("project", "", "the Cloud project's number, not its id")
	id := flags.String("id", "stridelog", "the subscriber's id; one that exists is changed")
	endpoint := flags.String("endpoint", "", "where Google reaches the gateway; default: the host of GOOGLE_HEALTH_REDIRECT_URI and "+notificationPath)
	const usage = googleUsage + "; `gcloud projects describe ID --format='value(projectNumber)'` tells the number"
	switch err := parseFlags(flags, args[1:], usage); {
	case err != nil:
		return err
	case !googlehealth.ProjectNumber(*project):
		return fmt.Errorf("%w: %s", errUsage, usage)
	case !googlehealth.SubscriberID(*id):
		return fmt.Errorf("%w: --id must be 4 to 36 of a-z, 0-9 and -, begun with a letter", errUsage)
	}
	r := env.New(p.Env)
	token := r.Secret(googleTokenName)
	if token == "" {
		r.Fault(googleTokenName, "is required: `gcloud auth print-access-token` prints one for an account that may manage the project's subscribers")
	}
	if c.GoogleHealth.NotificationSecret == "" {
		r.Fault("GOOGLE_HEALTH_NOTIFICATION_SECRET", "is required, the same that the gateway has: \"Bearer \" and a long random word")
	}
	if *endpoint == "" {
		*endpoint = endpointBeside(c.GoogleHealth.RedirectURI)
	}
	if u, err := url.Parse(*endpoint); err != nil || u.Host == "" {
		r.Fault("--endpoint", "is not a URL")
	}
	if err := r.Err(); err != nil {
		return err
	}
	cloud := googlehealth.Project{Number: *project, Token: provider.Secret(token), APIBaseURL: c.GoogleHealth.APIBaseURL}
	state, err := cloud.Subscribe(ctx, googlehealth.Subscriber{
		ID: *id, Endpoint: *endpoint, Secret: provider.Secret(c.GoogleHealth.NotificationSecret),
	})
	if err != nil {
		return fmt.Errorf("%w; %s", err, subscribeAdvice(provider.ClassOf(err)))
	}
	fmt.Fprintf(p.Stdout, "Google tells %s of exercises: the subscriber %s is %s.\n", *endpoint, *id, state)
	return nil
}

// endpointBeside is our address for notifications on the host of the callback.
func endpointBeside(redirectURI string) string {
	u, err := url.Parse(redirectURI)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host + notificationPath
}

func subscribeAdvice(class provider.Class) string {
	switch class {
	case provider.ClassUnauthorized:
		return "the token is not accepted: take a fresh one, it lives for an hour"
	case provider.ClassInsufficientScope:
		return "the token must be a project's own, of the scope cloud-platform, and its account must be allowed to manage subscribers"
	case provider.ClassBadRequest:
		return "Google must reach the endpoint by HTTPS and get 201 with the secret and 401 without: `stridelog doctor google_health` tries both"
	default:
		return "try again later"
	}
}
