package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/stridelog/stridelog/events/rawjson"
)

// decodeData reads a payload of a known type.
func decodeData(data []byte, into Data) error {
	if !utf8.Valid(data) {
		return errors.New("the payload is not valid UTF-8")
	}
	if fact, ok := into.(wholeReader); ok {
		return fact.read(data, true)
	}
	seen := presence{wanted: requiredOf(into), foreign: foreignTo(into)}
	if !rawjson.Walk(bytes.Trim(data, " \t\r\n"), seen.note) {
		return errors.New("the payload is not one JSON object")
	}
	if err := seen.fault(); err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// required is a member that must be there even where its zero value is legal. What
// must not be empty is found by the type's check.
type required struct {
	name string // with its quotes
	null bool   // null is legal, too: it was written for an empty list
}

// wholeReader is a payload with a record, which reads itself. With whole, members that
// must be there are.
type wholeReader interface {
	read(data []byte, whole bool) error
}

// requiredOf are the required members of a type. Those with a record are read otherwise.
func requiredOf(d Data) []required {
	switch d.(type) {
	case *ConnectionActivated:
		return []required{{`"provider_account_id"`, false}, {`"scopes"`, true}}
	case *SyncFinished:
		return []required{{`"counts"`, false}, {`"report"`, false}}
	case *ContextFetched:
		return []required{{`"context"`, false}}
	case *RouteFetched:
		return []required{{`"activity_sequence"`, false}}
	case *WorkoutLinked:
		return []required{{`"duplicate_of"`, true}}
	case *UserErased:
		return []required{{`"counts"`, true}}
	default:
		return nil
	}
}

// foreignTo is a member by which the payload of another type is known that has all
// members of this one; empty where there is no such type.
func foreignTo(d Data) string {
	switch d.(type) {
	case *SyncRequested:
		return `"finished_at"`
	case *ContextFetched:
		return `"raw"`
	case *ActivityRemoved:
		return memberKind
	default:
		return ""
	}
}

// memberKind is a member that facts about records have, and those about activities have
// not.
const memberKind = `"kind"`

// presence notes which of the required members a payload has.
type presence struct {
	wanted  []required
	foreign string // a member that the type does not have
	seen    uint   // a bit for each that is wanted
	alien   bool   // the foreign member is there
	broken  bool   // a text cannot be read as it was meant
}

// note is called for each member, its name with quotes.
func (p *presence) note(name, value []byte) {
	for i, r := range p.wanted {
		if string(name) == r.name && (r.null || string(value) != "null") {
			p.seen |= 1 << i
		}
	}
	p.alien = p.alien || string(name) == p.foreign
	if string(name) != `"workout"` { // it holds a provider's own words
		p.broken = p.broken || halfCharacter(value)
	}
}

func (p *presence) fault() error {
	if p.broken {
		return errHalfCharacter
	}
	if p.alien {
		return fmt.Errorf("%s is no member of this type", p.foreign)
	}
	for i, r := range p.wanted {
		if p.seen&(1<<i) == 0 {
			return fmt.Errorf("%s is missing", r.name)
		}
	}
	return nil
}

var errHalfCharacter = errors.New("a text holds half a character")

// halfCharacter says whether a value escapes one half of a surrogate pair without the
// other. Readers replace it, so that two different ids become one, and PostgreSQL
// refuses it.
func halfCharacter(value []byte) bool {
	const escape, digits = `\u`, 4
	if !bytes.Contains(value, []byte(escape)) {
		return false
	}
	for at := 0; at < len(value); at++ {
		if value[at] != '\\' {
			continue
		}
		at++ // onto what is escaped; the value is JSON, so there is something
		if value[at] != 'u' {
			continue
		}
		unit := value[at+1 : at+1+digits]
		at += digits
		switch {
		case isLow(unit):
			return true
		case isHigh(unit):
			rest := value[at+1:]
			if len(rest) < len(escape)+digits || string(rest[:len(escape)]) != escape || !isLow(rest[len(escape):]) {
				return true
			}
			at += len(escape) + digits
		}
	}
	return false
}

// isHigh and isLow know the halves of a surrogate pair by their hexadecimal digits:
// D800 to DBFF, and DC00 to DFFF.
func isHigh(unit []byte) bool {
	return (unit[0] == 'd' || unit[0] == 'D') && (unit[1] == '8' || unit[1] == '9' || unit[1]|0x20 == 'a' || unit[1]|0x20 == 'b')
}

func isLow(unit []byte) bool {
	return (unit[0] == 'd' || unit[0] == 'D') && unit[1]|0x20 >= 'c' && unit[1]|0x20 <= 'f'
}
