// Command go_api compares the public API of package pulsar, and of its packages auth, backoff, crypto and log, with that
// of pulsar-client-go. It lists what is missing, different or added, and fails unless that is exactly what
// exceptions.txt says. Run it in its folder.
package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

const (
	ours   = "github.com/pulsar-rs/pulsar_rs/bindings/go"
	theirs = "github.com/apache/pulsar-client-go/pulsar"
	list   = "exceptions.txt"
)

var folders = []string{"", "/auth", "/backoff", "/crypto", "/log"}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "go_api:", err)
		os.Exit(1)
	}
}

func run() error {
	own, err := load(ours)
	if err != nil {
		return err
	}
	other, err := load(theirs)
	if err != nil {
		return err
	}
	exceptions, err := readExceptions(list)
	if err != nil {
		return err
	}
	found := compare(own, other)
	wrong := 0
	for _, line := range slices.Sorted(maps.Keys(found)) {
		if exceptions[line] == "" {
			fmt.Printf("%s\n%s", line, found[line])
			wrong++
		}
	}
	for _, line := range slices.Sorted(maps.Keys(exceptions)) {
		if _, ok := found[line]; !ok {
			fmt.Printf("%s: it is in %s, but it is not so\n", line, list)
			wrong++
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d lines that %s does not have, or that it has and should not", wrong, list)
	}
	fmt.Printf("%d of %d names of pulsar-client-go are the same, the other differences are the %d of %s\n",
		same(own, other), len(other), len(exceptions), list)
	return nil
}

// compare returns a line for each difference, with what there is to say about it.
func compare(own, other map[string]string) map[string]string {
	found := make(map[string]string)
	for name, what := range other {
		switch mine, ok := own[name]; {
		case !ok:
			// What belongs to a type that is missing is missing with it.
			if owner, _, isMember := cutMember(name); !isMember || own[owner] != "" {
				found["missing "+name] = "\tpulsar-client-go has " + what + "\n"
			}
		case !fits(mine, what):
			found["different "+name] = "\there it is " + mine + "\n\tpulsar-client-go has " + what + "\n"
		}
	}
	for name, what := range own {
		if _, ok := other[name]; ok {
			continue
		}
		if owner, _, isMember := cutMember(name); !isMember || other[owner] != "" {
			found["added "+name] = "\there it is " + what + "\n"
		}
	}
	return found
}

// What methods begin with: pointers have those of values, too.
const (
	methodOfValue   = "method "
	methodOfPointer = "method of the pointer "
)

// fits says whether what is here can be used in place of what is there.
func fits(mine, what string) bool {
	if pointer, ok := strings.CutPrefix(what, methodOfPointer); ok && mine == methodOfValue+pointer {
		return true
	}
	return mine == what
}

func same(own, other map[string]string) (count int) {
	for name, what := range other {
		if fits(own[name], what) {
			count++
		}
	}
	return count
}

// cutMember splits pulsar.Type.Member into pulsar.Type and Member.
func cutMember(name string) (owner, member string, ok bool) {
	i := strings.LastIndexByte(name, '.')
	return name[:i], name[i+1:], strings.Count(name, ".") > 1
}

// readExceptions returns the reason for each line. Lines of reasons are indented.
func readExceptions(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	exceptions := make(map[string]string)
	current := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "    ") && current != "":
			exceptions[current] += strings.TrimSpace(line) + " "
		default:
			if _, twice := exceptions[line]; twice {
				return nil, fmt.Errorf("%s: %q is there twice", path, line)
			}
			current = line
			exceptions[line] = ""
		}
	}
	for line, reason := range exceptions {
		if reason == "" {
			return nil, fmt.Errorf("%s: %q has no reason", path, line)
		}
	}
	return exceptions, nil
}
