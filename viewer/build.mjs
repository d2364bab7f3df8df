// Bundle the viewer into assets/viewer: one module named by the hash of its sources, and the licences
// of the libraries in it. Run by `npm ci && npm run build`; tests/test_viewer_bundle.py compares the hash.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const here = import.meta.dirname;
const out = join(here, "..", "assets", "viewer");
const sources = ["package.json", "package-lock.json", ...readdirSync(join(here, "src")).sort().map((f) => `src/${f}`)];
const hash = createHash("sha256");
for (const name of sources) hash.update(name).update("\0").update(readFileSync(join(here, name), "utf8").replace(/\r\n/g, "\n"));
const key = hash.digest("hex").slice(0, 16);

const made = await build({
  entryPoints: [join(here, "src", "index.ts")],
  bundle: true, minify: true, format: "esm", target: "es2022", write: false, metafile: true,
  loader: { ".css": "text" }, legalComments: "none",
});
const used = new Set(Object.keys(made.metafile.inputs).map((p) => p.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]).filter(Boolean));
const licences = [...used].sort().map((name) => {
  const folder = join(here, "node_modules", name);
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((f) => /^licen[cs]e/i.test(f));
  if (!file) throw new Error(`${name} comes without its licence`);
  return `${name} ${about.version}\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
});
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
writeFileSync(join(out, `viewer-${key}.js`), made.outputFiles[0].text);
writeFileSync(join(out, "LICENSES.txt"), `Libraries in the map viewer and their licences.\n\n${licences.join("\n" + "-".repeat(79) + "\n\n")}`);
console.log(`assets/viewer/viewer-${key}.js ${made.outputFiles[0].contents.length} bytes, of ${[...used].join(", ")}`);
