// Cuts the page's program in two: what its first sight needs, and all else, which static/parts.js loads a moment later.
//
// A function of the second part that the first part calls has a trampoline there: it calls through a table that the second part
// fills, and has it loaded first where it is not there yet. So where the cut lies is a matter of bytes alone, never of what
// the program does. Memory, data, globals and tables stay with the first part.
//
// Arguments: binaryen's module, the program with its functions' names, where the first part goes, where the second.

import { readFileSync, writeFileSync } from "node:fs";

const [, , module, source, firstPath, secondPath] = process.argv;
const { default: binaryen } = await import(module);

// What is not needed before something is opened, asked or answered, by what functions' names mention. A type that a generic function
// is made for is in its name (symbol mangling v0).
const LATER = new RegExp([
  "estiva_shared::", "estiva_worker::", "serde", "tar::", "flt2dec", "dec2flt", "f64", "sha2::", "core::net::", "std::path::", "u128", "quicksort",
  "to_(lower|upper)case", "BTreeMap<alloc::string::String", "BTreeMap<&str", "VacantEntry<alloc::string", "escape_debug", "StrSearcher", "join_generic_copy",
  "core::num::", "Language>::", "vraw::", "fmt::Debug", "PadAdapter", "BalancingContext", "TwoWaySearcher", "ReverseSearcher", "Utf8Chunks", "slice_error_fail",
  "outline::item", "use_archive_handle(?!.*Clone).*closure", "PullHandle>::", "get_id$",
  "estiva_frontend::components::(?!drop_zone|dockerfile_view|editor|findings|first_steps|icon|nav_link|outline)",
  "estiva_frontend::pages::(?!inspect::(InspectPage|landing|tools|use_(on_remote|query)))",
  "estiva_frontend::hooks::(use_(action|asked|build|clock|compare|connection::(open|use_(containers|images))|content|files|place|remote|terminal|ticks)|remote_images)",
  "estiva_frontend::services::(analyser|api|download|folder|http|socket|stored|terminal)",
  "estiva_frontend::state::(?!connection|draft::(?!Draft>::patched)|editor)",
].join("|"));

// And of these, what the first sight is made with: it asks the worker about a Dockerfile, and keeps what is answered.
const FIRST = new RegExp([
  "^(?!.*(serde|parse)).*dockerfile::(ast|diagnostic)",
  "drop_in_place(?!.*(image|protocol|report|summary)::)", "::drop$", "serde_wasm_bindgen", "de::(Expected|Unexpected)", "^<alloc::rc::Rc<.*>>::(downcast|new)",
  "^<core::option::Option<.*>::(clone|expect)$", "use_effect_with<.*call_once$", "for<'a", "PartIterator",
  "services::analyser::(Analyser>::(ask|crashed|expect|launch::.closure#1.)$|Analyser as|Attached|Inner|Reply)",
].join("|"));

// A trampoline is about as long as this.
const TRAMPOLINE_BYTES = 24;

// The names that static/parts.js knows.
const PARTS = "parts";
const LOAD = "load";
const FIRST_PART = "first";
const TABLE = "later";

// What binaryen calls the one memory of a module that it read.
const MEMORY = "0";

const bytes = readFileSync(source);
const { Features, Function: Functions } = binaryen;
const FEATURES = Features.MutableGlobals | Features.NontrappingFPToInt | Features.SIMD128 | Features.BulkMemory | Features.BulkMemoryOpt |
  Features.SignExt | Features.ReferenceTypes | Features.Multivalue | Features.CallIndirectOverlong;

function read() {
  const read = binaryen.readBinary(bytes);
  read.setFeatures(FEATURES);
  return read;
}

const each = (count, get) => Array.from({ length: count }, (_, number) => get(number));
const functionsOf = (of) => each(of.getNumFunctions(), (number) => binaryen.getFunctionInfo(of.getFunctionByIndex(number)));
const namesOf = (of) => new Set(functionsOf(of).map(({ name }) => name));

/** The length of each function's code, by its place among those that are no imports. */
function lengths() {
  const CODE_SECTION = 10;
  const found = [];
  let at = 8;
  const number = () => {
    let [value, shift, byte] = [0, 0, 0];
    do {
      byte = bytes[at++];
      value += (byte & 0x7f) * 2 ** shift;
      shift += 7;
    } while (byte & 0x80);
    return value;
  };
  while (at < bytes.length) {
    const [section, length] = [bytes[at++], number()];
    const end = at + length;
    if (section === CODE_SECTION) {
      for (let left = number(); left > 0; left -= 1) {
        const size = number();
        found.push(size);
        at += size;
      }
    }
    at = end;
  }
  return found;
}

const first = read();
const all = functionsOf(first);
const sizes = lengths();
const imports = all.length - sizes.length;
const isLater = ({ name }, number) => {
  const plain = name.replace(/\[[0-9a-f]+\]/g, "");
  return number >= imports && sizes[number - imports] > TRAMPOLINE_BYTES && LATER.test(plain) && !FIRST.test(plain);
};
const later = all.filter(isLater);
const laterNames = new Set(later.map(({ name }) => name));

// The second part: the later functions, and of the first part what they name.
const second = read();
const short = (kind, number) => `${kind}${number.toString(36)}`;
for (const name of each(second.getNumExports(), (number) => binaryen.getExportInfo(second.getExportByIndex(number)).name)) second.removeExport(name);
for (const name of each(second.getNumElementSegments(), (number) => binaryen.getElementSegmentInfo(second.getElementSegmentByIndex(number)).name)) second.removeElementSegment(name);
const globals = each(second.getNumGlobals(), (number) => binaryen.getGlobalInfo(second.getGlobalByIndex(number)));
globals.forEach(({ name, type, mutable }, number) => {
  second.removeGlobal(name);
  second.addGlobalImport(name, FIRST_PART, short("g", number), type, mutable);
});
const tables = each(second.getNumTables(), (number) => binaryen.getTableInfo(second.getTableByIndex(number)));
tables.forEach(({ name }, number) => second.addTableImport(name, FIRST_PART, short("t", number)));
all.forEach(({ name, params, results }, number) => {
  if (laterNames.has(name)) return;
  second.removeFunction(name);
  second.addFunctionImport(name, FIRST_PART, short("f", number), params, results);
});
second.setMemory(second.getMemoryInfo().initial, -1, null, [], false, false, MEMORY);
second.addMemoryImport(MEMORY, FIRST_PART, MEMORY);
/** Keeps these functions, what they lead to, and of the first part's what is named then. */
function keep(functions) {
  second.addTable(TABLE, functions.length, functions.length);
  second.addTableImport(TABLE, FIRST_PART, TABLE);
  second.addActiveElementSegment(TABLE, TABLE, functions.map(({ name }) => name), second.i32.const(0));
  second.runPasses(["remove-unused-module-elements"]);
  return namesOf(second);
}
const named = keep(later);

// The first part: trampolines in the place of the later functions, of which those stay that something leads to.
const SLOT = "slot of the second part";
const parameters = ({ params }) => binaryen.expandType(params).map((type, number) => first.local.get(number, type));
const trampoline = (info, slot) => first.call_indirect(TABLE, first.call(SLOT, [first.i32.const(slot)], binaryen.i32), parameters(info), info.params, info.results);
first.addTable(TABLE, 1, -1);
first.addFunctionImport(LOAD, PARTS, LOAD, binaryen.none, binaryen.none);
first.addFunction(SLOT, binaryen.i32, binaryen.i32, [], first.block(null, [
  first.if(first.ref.is_null(first.table.get(TABLE, first.local.get(0, binaryen.i32), binaryen.funcref)), first.call(LOAD, [], binaryen.none)),
  first.local.get(0, binaryen.i32),
], binaryen.i32));
for (const info of later) {
  first.removeFunction(info.name);
  first.addFunction(info.name, info.params, info.results, [], trampoline(info, 0));
}
all.forEach(({ name }, number) => named.has(name) && !laterNames.has(name) && first.addFunctionExport(name, short("f", number)));
globals.forEach(({ name }, number) => first.addGlobalExport(name, short("g", number)));
tables.forEach(({ name }, number) => first.addTableExport(name, short("t", number)));
first.addMemoryExport(MEMORY, MEMORY);
first.runPasses(["remove-unused-module-elements"]);
const left = namesOf(first);
const entered = later.filter(({ name }) => left.has(name));
first.removeTable(TABLE);
first.addTable(TABLE, entered.length, entered.length);
first.addTableExport(TABLE, TABLE);
entered.forEach((info, slot) => Functions.setBody(first.getFunction(info.name), trampoline(info, slot)));

second.removeElementSegment(TABLE);
second.removeTable(TABLE);
keep(entered);

for (const [part, path] of [[first, firstPath], [second, secondPath]]) {
  if (!part.validate()) throw new Error(`expected a part that is valid, but ${path} is not`);
  writeFileSync(path, part.emitBinary());
}
