package rawjson

// A scan checks that a text is JSON (RFC 8259) while it looks where values end.
// encoding/json needs several passes for that, and records are read for every fact
// of the log. Each function takes a place in the text and returns the place behind
// what it read, or notJSON; they may be called with it and with the end.

const (
	notJSON  = -1
	maxDepth = 10_000 // of brackets, as in encoding/json
)

func scanSpace(text []byte, at int) int {
	if at == notJSON {
		return notJSON
	}
	for at < len(text) && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r') {
		at++
	}
	return at
}

// scanByte reads one character.
func scanByte(text []byte, at int, c byte) int {
	if at == notJSON || at >= len(text) || text[at] != c {
		return notJSON
	}
	return at + 1
}

// peek says whether a character comes next.
func peek(text []byte, at int, c byte) bool { return scanByte(text, at, c) != notJSON }

// scanValue reads one value, with no space around it. Depth counts the brackets
// that it stands in.
func scanValue(text []byte, at, depth int) int {
	if at == notJSON || at >= len(text) {
		return notJSON
	}
	switch text[at] {
	case '"':
		return scanString(text, at)
	case '{':
		return scanObject(text, at, depth+1, nil)
	case '[':
		return scanArray(text, at, depth+1, nil)
	case 't':
		return scanWord(text, at, "true")
	case 'f':
		return scanWord(text, at, "false")
	case 'n':
		return scanWord(text, at, "null")
	default:
		return scanNumber(text, at)
	}
}

// scanObject reads an object and hands on each member: its name with quotes, and
// its value. Depth counts its own bracket too. take may be nil.
func scanObject(text []byte, at, depth int, take func(name, value []byte)) int {
	if depth > maxDepth {
		return notJSON
	}
	at = scanSpace(text, scanByte(text, at, '{'))
	if peek(text, at, '}') {
		return at + 1
	}
	for {
		begin := at
		end := scanString(text, begin)
		value := scanSpace(text, scanByte(text, scanSpace(text, end), ':'))
		if at = scanValue(text, value, depth); at == notJSON {
			return notJSON
		}
		if take != nil {
			take(text[begin:end], text[value:at:at])
		}
		if at = scanSpace(text, at); peek(text, at, '}') {
			return at + 1
		}
		at = scanSpace(text, scanByte(text, at, ','))
	}
}

// scanArray reads an array and hands on each element. take may be nil.
func scanArray(text []byte, at, depth int, take func(element []byte)) int {
	if depth > maxDepth {
		return notJSON
	}
	at = scanSpace(text, scanByte(text, at, '['))
	if peek(text, at, ']') {
		return at + 1
	}
	for {
		begin := at
		if at = scanValue(text, begin, depth); at == notJSON {
			return notJSON
		}
		if take != nil {
			take(text[begin:at:at])
		}
		if at = scanSpace(text, at); peek(text, at, ']') {
			return at + 1
		}
		at = scanSpace(text, scanByte(text, at, ','))
	}
}

func scanString(text []byte, at int) int {
	if at = scanByte(text, at, '"'); at == notJSON {
		return notJSON
	}
	for at < len(text) {
		switch c := text[at]; {
		case c == '"':
			return at + 1
		case c == '\\':
			if at = scanEscape(text, at+1); at == notJSON {
				return notJSON
			}
		case c < ' ':
			return notJSON
		default:
			at++
		}
	}
	return notJSON
}

// scanEscape reads what follows a backslash.
func scanEscape(text []byte, at int) int {
	if at >= len(text) {
		return notJSON
	}
	switch text[at] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return at + 1
	case 'u':
		if len(text) < at+5 {
			return notJSON
		}
		for _, c := range text[at+1 : at+5] {
			if hex := c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'; !hex {
				return notJSON
			}
		}
		return at + 5
	}
	return notJSON
}

func scanWord(text []byte, at int, word string) int {
	if len(text) < at+len(word) || string(text[at:at+len(word)]) != word {
		return notJSON
	}
	return at + len(word)
}

func scanNumber(text []byte, at int) int {
	if peek(text, at, '-') {
		at++
	}
	if peek(text, at, '0') {
		at++
	} else if at = scanDigits(text, at); at == notJSON {
		return notJSON
	}
	if peek(text, at, '.') {
		if at = scanDigits(text, at+1); at == notJSON {
			return notJSON
		}
	}
	if peek(text, at, 'e') || peek(text, at, 'E') {
		at++
		if peek(text, at, '+') || peek(text, at, '-') {
			at++
		}
		return scanDigits(text, at)
	}
	return at
}

// scanDigits reads one digit or more.
func scanDigits(text []byte, at int) int {
	begin := at
	for at < len(text) && text[at] >= '0' && text[at] <= '9' {
		at++
	}
	if at == begin {
		return notJSON
	}
	return at
}
