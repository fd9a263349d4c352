package export

import "github.com/stridelog/stridelog/provider/simulator/jsontext"

// object is a JSON object whose members keep their order.
type object []member

// member's value is JSON text, an object, or a list of objects.
type member struct {
	name  string
	value any
}

func (o *object) add(name string, value any) { *o = append(*o, member{name, value}) }

func (o *object) text(name, value string) { o.add(name, jsontext.Quoted(value)) }

// append writes the object as the archives do: two spaces a level, a space on
// either side of the colon, and the braces of a list's objects on one line.
func (o object) append(out []byte, indent string) []byte {
	inner := indent + "  "
	out = append(out, '{')
	for i, m := range o {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(append(append(out, '\n'), inner...), '"'), m.name...), `" : `...)
		switch v := m.value.(type) {
		case object:
			out = v.append(out, inner)
		case []object:
			out = appendList(out, v, inner)
		case string:
			out = append(out, v...)
		}
	}
	return append(append(append(out, '\n'), indent...), '}')
}

func appendList(out []byte, list []object, indent string) []byte {
	out = append(out, '[')
	for i, o := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = o.append(out, indent)
	}
	return append(out, ']')
}
