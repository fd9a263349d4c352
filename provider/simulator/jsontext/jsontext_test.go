package jsontext_test

import (
	"encoding/json"
	"reflect"
	"strconv"
	"testing"

	"github.com/stridelog/stridelog/provider/simulator/jsontext"
)

func TestEveryStyleMeansTheSame(t *testing.T) {
	texts := []string{"a/b", "<&>", "Größe 🐢", "line\u2028end", `"\`, ""}
	for _, style := range []jsontext.Style{jsontext.Plain, jsontext.TrailingZero, jsontext.EscapedSlash, jsontext.Spaced, jsontext.EscapedText} {
		o := jsontext.NewObject(style)
		if !o.Empty() {
			t.Error("a new object is not empty")
		}
		o.Whole("whole", 9_007_199_254_740_993)
		o.Decimal("decimal", 5.5)
		o.Decimal("even", 2)
		o.Flag("flag", true)
		inner := o.Inner()
		for i, text := range texts {
			inner.Text("t"+strconv.Itoa(i), text)
		}
		o.Raw("list", o.Array([]string{inner.String(), "null"}))
		var got struct {
			Whole         int64
			Decimal, Even float64
			Flag          bool
			List          []map[string]string
		}
		if err := json.Unmarshal([]byte(o.String()), &got); err != nil {
			t.Fatalf("style %d: %v: %s", style, err, o)
		}
		want := map[string]string{}
		for i, text := range texts {
			want["t"+strconv.Itoa(i)] = text
		}
		if got.Whole != 9_007_199_254_740_993 || got.Decimal != 5.5 || got.Even != 2 || !got.Flag || len(got.List) != 2 || !reflect.DeepEqual(got.List[0], want) {
			t.Errorf("style %d: %+v of %s", style, got, o)
		}
	}
}

func TestEveryStyleIsDrawn(t *testing.T) {
	drawn := map[jsontext.Style]int{}
	for i := range 1000 {
		drawn[jsontext.StyleOf(strconv.Itoa(i))]++
	}
	if len(drawn) != 5 || drawn[jsontext.Plain] < 500 {
		t.Errorf("drawn %v", drawn)
	}
}

func TestWalkKeepsWhatItIsNotTold(t *testing.T) {
	const text = `{"a":{"n":1.50,"s":"é<"},"b":[{"n":12345678901234567890},3e5],"c":null}`
	same := func(_ string, members []jsontext.Member) []jsontext.Member { return members }
	if got := jsontext.Walk([]byte(" "+text+"\n"), same); string(got) != text {
		t.Errorf("walked to %s", got)
	}
	var paths []string
	jsontext.Walk([]byte(text), func(path string, members []jsontext.Member) []jsontext.Member {
		paths = append(paths, path)
		return members
	})
	if !reflect.DeepEqual(paths, []string{".a", ".b", ""}) {
		t.Errorf("paths %q", paths)
	}
	for _, broken := range []string{"", "<html>", `{"a":`, `[1,`, `{"a":1 "b"}`} {
		if got := jsontext.Walk([]byte(broken), same); string(got) != broken {
			t.Errorf("%q became %q", broken, got)
		}
	}
}
