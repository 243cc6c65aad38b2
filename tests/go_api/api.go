package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

// load returns what the packages below a path export: a description for each name, such as pulsar.Client or
// pulsar/log.Logger.Debug.
func load(root string) (map[string]string, error) {
	paths := make([]string, len(folders))
	for i, folder := range folders {
		paths[i] = root + folder
	}
	files, err := exportFiles(paths)
	if err != nil {
		return nil, err
	}
	open := func(path string) (io.ReadCloser, error) {
		if files[path] == "" {
			return nil, fmt.Errorf("%s was not built", path)
		}
		return os.Open(files[path])
	}
	from := importer.ForCompiler(token.NewFileSet(), "gc", open)
	api := &surface{root: root, names: make(map[string]string)}
	for _, path := range paths {
		pkg, err := from.Import(path)
		if err != nil {
			return nil, err
		}
		api.add(pkg)
	}
	return api.names, nil
}

// exportFiles builds packages and returns where their types and those of all that they import are.
func exportFiles(paths []string) (map[string]string, error) {
	var errText bytes.Buffer
	command := exec.Command("go", append([]string{"list", "-export", "-deps", "-json=ImportPath,Export", "--"}, paths...)...)
	command.Stderr = &errText
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, &errText)
	}
	files := make(map[string]string)
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var pkg struct{ ImportPath, Export string }
		if err := decoder.Decode(&pkg); errors.Is(err, io.EOF) {
			return files, nil
		} else if err != nil {
			return nil, err
		}
		files[pkg.ImportPath] = pkg.Export
	}
}

// surface collects what packages export.
type surface struct {
	root  string
	names map[string]string
}

func (s *surface) add(pkg *types.Package) {
	prefix := s.qualify(pkg) + "."
	for _, name := range pkg.Scope().Names() {
		object := pkg.Scope().Lookup(name)
		if !object.Exported() {
			continue
		}
		switch object := object.(type) {
		case *types.Const:
			s.names[prefix+name] = fmt.Sprintf("const %s = %s", s.text(object.Type()), object.Val().ExactString())
		case *types.Var:
			s.names[prefix+name] = "var " + s.text(object.Type())
		case *types.Func:
			s.names[prefix+name] = s.text(object.Type())
		case *types.TypeName:
			s.addType(prefix+name, object)
		}
	}
}

// addType adds a type with its fields and methods, those of embedded types among them.
func (s *surface) addType(name string, object *types.TypeName) {
	kind := "type"
	if object.IsAlias() {
		kind = "alias"
	}
	methods := types.NewMethodSet(types.NewPointer(object.Type()))
	switch underlying := object.Type().Underlying().(type) {
	case *types.Struct:
		s.names[name] = kind + " struct" + s.addFields(name, underlying)
	case *types.Interface:
		methods = types.NewMethodSet(underlying)
		s.names[name] = kind + " interface"
	default:
		s.names[name] = kind + " " + s.text(underlying)
	}
	byValue := types.NewMethodSet(object.Type())
	for i := range methods.Len() {
		method := methods.At(i)
		if !method.Obj().Exported() {
			continue
		}
		receiver := methodOfValue
		if byValue.Lookup(method.Obj().Pkg(), method.Obj().Name()) == nil {
			receiver = methodOfPointer
		}
		s.names[name+"."+method.Obj().Name()] = receiver + s.text(method.Type())
	}
}

// addFields adds the exported fields and returns their names in order, which matters to literals without names.
func (s *surface) addFields(name string, structure *types.Struct) string {
	names := ""
	for i := range structure.NumFields() {
		field := structure.Field(i)
		if !field.Exported() {
			continue
		}
		kind := "field "
		if field.Embedded() {
			kind = "embedded "
		}
		tag := structure.Tag(i)
		if tag != "" {
			tag = " `" + tag + "`"
		}
		s.names[name+"."+field.Name()] = kind + s.text(field.Type()) + tag
		names += " " + field.Name()
	}
	return names
}

// text returns a type without names of parameters, and with both roots as pulsar.
func (s *surface) text(t types.Type) string {
	return anyWord.ReplaceAllString(types.TypeString(unnamed(t), s.qualify), "interface{}")
}

// anyWord is another name for interface{}.
var anyWord = regexp.MustCompile(`\bany\b`)

func (s *surface) qualify(pkg *types.Package) string {
	if rest, ok := strings.CutPrefix(pkg.Path(), s.root); ok && (rest == "" || rest[0] == '/') {
		return "pulsar" + rest
	}
	return pkg.Path()
}

// unnamed drops the names of parameters, here and in functions that are parameters.
func unnamed(t types.Type) types.Type {
	signature, ok := t.(*types.Signature)
	if !ok {
		return t
	}
	drop := func(tuple *types.Tuple) *types.Tuple {
		vars := make([]*types.Var, tuple.Len())
		for i := range vars {
			vars[i] = types.NewParam(token.NoPos, nil, "", unnamed(tuple.At(i).Type()))
		}
		return types.NewTuple(vars...)
	}
	return types.NewSignatureType(nil, nil, nil, drop(signature.Params()), drop(signature.Results()), signature.Variadic())
}
