package command

import (
	"errors"
	"flag"
	"fmt"
)

// newFlags makes the flags of a command. Help, and what is wrong with them, is printed on
// the standard error.
func newFlags(p Process, command string) *flag.FlagSet {
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.SetOutput(p.Stderr)
	return flags
}

// parse parses flags up to the first word that is none. Its errors are flag.ErrHelp, when
// help was asked for and has been printed, and errUsage. A command returns either as it is.
func parse(flags *flag.FlagSet, args []string) error {
	err := flags.Parse(args)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return err
	}
	return fmt.Errorf("%w: %w", errUsage, err)
}

// parseFlags parses flags where nothing else may stand; usage says how the command is called.
func parseFlags(flags *flag.FlagSet, args []string, usage string) error {
	if err := parse(flags, args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%w: %s", errUsage, usage)
	}
	return nil
}

// parseWords parses flags that stand before, between and behind words.
func parseWords(flags *flag.FlagSet, args []string) (words []string, err error) {
	for {
		if err := parse(flags, args); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			return words, nil
		}
		words, args = append(words, flags.Arg(0)), flags.Args()[1:]
	}
}

// parseWord parses flags that stand before or behind one word, which may be missing.
func parseWord(flags *flag.FlagSet, args []string) (word string, err error) {
	if err := parse(flags, args); err != nil || flags.NArg() == 0 {
		return "", err
	}
	word = flags.Arg(0)
	if err := parse(flags, flags.Args()[1:]); err != nil {
		return "", err
	}
	if flags.NArg() > 0 {
		return "", fmt.Errorf("%w: %q is one argument too many", errUsage, flags.Arg(0))
	}
	return word, nil
}
