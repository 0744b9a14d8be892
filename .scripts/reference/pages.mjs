// Makes the reference readable: one page for each entry of the package, under the name that it is imported by; members
// where they are declared and not again in each class that inherits them; and what a table in the code says in words
// (`codes`, `features`) as the description of each of its names.
import { readFileSync } from 'node:fs';
import { Comment, Converter, ReflectionKind } from 'typedoc';

const { exports } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => nameModules(project));
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    describeTables(project);
    dropInherited(project);
    tidyParameters(project);
  });
}

function nameModules(project) {
  const names = new Map(Object.entries(exports).map(([entry, to]) => [sourceOf(to), `sessile${entry.slice(1)}`]));
  for (const page of project.getReflectionsByKind(ReflectionKind.Module)) {
    const name = names.get(page.name);
    if (name === undefined) throw new Error(`package.json exports nothing of ${page.name}`);
    page.name = name;
  }
}

/** As the generator calls the module of which an export was built: by its path, without `index`. */
function sourceOf(to) {
  const built = String(to.import?.default).replace(/^\.\/dist\/esm\/|\.js$/g, '');
  return (built.startsWith('conformance/') ? `spec/${built}` : `lib/${built}`).replace(/\/index$/, '');
}

function describeTables(project) {
  for (const entry of project.getReflectionsByKind(ReflectionKind.Property)) {
    const text = entry.type?.type === 'literal' ? entry.type.value : undefined;
    if (typeof text !== 'string' || entry.comment) continue;
    if (entry.parent?.parent?.kind === ReflectionKind.Variable) entry.comment = new Comment([{ kind: 'text', text }]);
  }
}

function dropInherited(project) {
  const kinds = ReflectionKind.Property | ReflectionKind.Method | ReflectionKind.Accessor;
  for (const member of project.getReflectionsByKind(kinds)) {
    if (member.inheritedFrom) project.removeReflection(member);
  }
}

/** Options that a constructor takes apart are called so, and what is there for specs is not shown. */
function tidyParameters(project) {
  for (const parameter of project.getReflectionsByKind(ReflectionKind.Parameter)) {
    if (parameter.name === '__namedParameters') parameter.name = 'options';
    const words = parameter.comment?.summary.map(({ text }) => text).join('') ?? '';
    if (words.endsWith('for specs')) project.removeReflection(parameter);
  }
}
