package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

const exportUsage = "stridelog export --user USER [--out FILE|-]"

// runExport writes everything that the log holds of a person. It is health data, so
// a file is its owner's alone, and never takes another one's place.
func runExport(ctx context.Context, p Process, c config.Config, args []string) error {
	user, out, err := exportCall(p, args)
	if err != nil {
		return err
	}
	if uuid.Validate(user) != nil {
		if user, err = userID(ctx, p, c, "export", user); err != nil {
			return err
		}
	}
	return withBus(ctx, p, c, "export", func(b *bus.Bus) error {
		if out == "-" {
			return exportTo(ctx, p, b, user, p.Stdout)
		}
		return exportFile(ctx, p, b, user, out)
	})
}

// exportCall reads the command line.
func exportCall(p Process, args []string) (user, out string, err error) {
	flags := newFlags(p, "export")
	flags.StringVar(&user, "user", "", "whose events: the user's id, or your external_user_id (required)")
	flags.StringVar(&out, "out", "-", "file to make; - is standard output")
	switch err := parseFlags(flags, args, exportUsage); {
	case err != nil:
		return "", "", err
	case user == "" || out == "":
		return "", "", fmt.Errorf("%w: %s", errUsage, exportUsage)
	}
	if id, err := uuid.Parse(user); err == nil {
		user = id.String() // as it stands in subjects
	}
	return user, out, nil
}

// userID looks up whom a client means.
func userID(ctx context.Context, p Process, c config.Config, name, user string) (id string, err error) {
	err = withSystem(ctx, p, c, name, func(s *system.System) error {
		id, err = s.FindUser(ctx, user)
		return err
	})
	if errors.Is(err, system.ErrNoUser) {
		return "", fmt.Errorf("%w: %w", errUsage, err)
	}
	return id, err
}

// exportFile leaves no half file behind.
func exportFile(ctx context.Context, p Process, b *bus.Bus, user, path string) (err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("export: make the file: %w", err)
	}
	defer func() {
		err = errors.Join(err, file.Close())
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	if err := exportTo(ctx, p, b, user, file); err != nil {
		return err
	}
	return file.Sync()
}

func exportTo(ctx context.Context, p Process, b *bus.Bus, user string, to io.Writer) error {
	out := bufio.NewWriter(to)
	count := 0
	for _, stream := range []string{events.StreamFacts, events.StreamSyncs} {
		_, err := b.Read(ctx, stream, []string{events.UserSubjects(user)}, 1, func(d bus.Delivery) error {
			line, err := events.Stored{Message: d.Message, Stream: stream, Sequence: d.Sequence}.Structured()
			if err != nil {
				return err
			}
			count++
			_, err = out.Write(append(line, '\n'))
			return err
		})
		if err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if count == 0 {
		return fmt.Errorf("export: the log holds nothing of user %s; check the id: an erased person leaves nothing", user)
	}
	fmt.Fprintf(p.Stderr, "Exported %d events of user %s.\n", count, user)
	return nil
}
