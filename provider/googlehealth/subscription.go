package googlehealth

import (
	"context"
	"fmt"

	"github.com/stridelog/stridelog/provider"
)

// subscription registers where Google sends its notifications. The token comes from
// gcloud: a service account's key is for Google's own tools to keep.
func subscription() *provider.Subscription {
	return &provider.Subscription{
		Command: "google",
		Says:    "subscribe --project NUMBER: have Google Health tell of changes by itself",
		Usage:   "--project NUMBER [--id ID] [--endpoint URL]",
		Hint:    "`gcloud projects describe ID --format='value(projectNumber)'` tells the number",
		Flags: []provider.SubscriptionFlag{
			{Name: "project", Says: "the Cloud project's number, not its id", Valid: ProjectNumber},
			{
				Name: "id", Default: "stridelog", Says: "the subscriber's id; one that exists is changed", Valid: SubscriberID,
				Must: "must be 4 to 36 of a-z, 0-9 and -, begun with a letter",
			},
		},
		TokenVariable: "GOOGLE_ACCESS_TOKEN",
		TokenHint:     "`gcloud auth print-access-token` prints one for an account that may manage the project's subscribers",
		SecretHint:    `"Bearer " and a long random word`,
		Subscribe:     subscribe,
	}
}

func subscribe(ctx context.Context, c provider.SubscribeCall) (string, error) {
	id := c.Flags["id"]
	cloud := Project{Number: c.Flags["project"], Token: c.Token, APIBaseURL: c.Values.Text(provider.SettingAPIBaseURL)}
	state, err := cloud.Subscribe(ctx, Subscriber{ID: id, Endpoint: c.Endpoint, Secret: c.Values[provider.SettingNotificationSecret]})
	if err != nil {
		return "", fmt.Errorf("%w; %s", err, subscribeAdvice(provider.ClassOf(err)))
	}
	return fmt.Sprintf("Google tells %s of exercises: the subscriber %s is %s.", c.Endpoint, id, state), nil
}

func subscribeAdvice(class provider.Class) string {
	switch class {
	case provider.ClassUnauthorized:
		return "the token is not accepted: take a fresh one, it lives for an hour"
	case provider.ClassInsufficientScope:
		return "the token must be a project's own, of the scope cloud-platform, and its account must be allowed to manage subscribers"
	case provider.ClassBadRequest:
		return "Google must reach the endpoint by HTTPS and get 201 with the secret and 401 without: `stridelog doctor " + Name + "` tries both"
	default:
		return "try again later"
	}
}
