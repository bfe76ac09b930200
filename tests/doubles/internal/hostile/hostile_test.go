package hostile

import (
	"bytes"
	"net"
	"strings"
	"testing"
)

func lookup(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { value, ok := values[name]; return value, ok }
}

func TestDialsBeforeItReturns(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var out bytes.Buffer
	if _, err := Start(lookup(map[string]string{FirstInstruction: "dial:" + listener.Addr().String()}), &out); err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(out.String(), "\n")
	if !strings.Contains(first, " connected at ") {
		t.Errorf("first line: %q", first)
	}
}

func TestSaysWhyNot(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	var out bytes.Buffer
	attempt(address, &out)
	if !strings.Contains(out.String(), " refused at ") {
		t.Error(out.String())
	}
}

func TestRefusesAnUnknownInstruction(t *testing.T) {
	for _, instruction := range []string{"format", "dial:nowhere", "dial:"} {
		if _, err := Start(lookup(map[string]string{FirstInstruction: instruction}), &bytes.Buffer{}); err == nil {
			t.Errorf("%q was taken", instruction)
		}
	}
}
