/** Reads YAML so that every problem names its file and line: what resources are read with, for other files of the same kind. */
export { FieldReader, isObject, type ReadContext } from './resources/field-reader.ts';
export { describeProblem, type Problem, Problems } from './resources/problems.ts';
export { parseYaml, YamlDocument, YamlError } from './resources/yaml-document.ts';
