// Which library draws maps? The same made maps by deck.gl, plotly.js and one shader over twgl.js, in a
// chromium without a GPU. Figures and verdict: docs/decisions/map-viewer.md.
//
//   npm install --no-save @deck.gl/core@9.4.0 @deck.gl/layers@9.4.0 plotly.js-dist-min@4.1.2 playwright-core
//   node compare/run.mjs [twgl deck plotly]
import { statSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { chromium } from "playwright-core";

const here = import.meta.dirname;
const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"];
const names = process.argv.length > 2 ? process.argv.slice(2) : ["twgl", "deck", "plotly"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });
for (const name of names) {
  const outfile = join(here, "..", "node_modules", ".compare", `${name}.js`);
  await build({ entryPoints: [join(here, `${name}.js`)], bundle: true, minify: true, target: "es2022", outfile, logLevel: "error" });
  console.log(name, "bundle", statSync(outfile).size);
  for (const [count, maps] of [[6700, 6], [100000, 1], [100000, 6], [500000, 1]]) {
    const page = await browser.newPage({ viewport: { width: 1000, height: 700 } });
    await page.setContent("<div id=box style='width:960px;height:640px;position:relative'></div>");
    await page.addScriptTag({ path: outfile });
    const late = "new Promise(r => setTimeout(() => r(null), 90000))";
    const told = await page.evaluate(`Promise.race([window.go(${count}, ${maps}), ${late}])`);
    console.log(name, count, maps, told ? JSON.stringify({ first: told.first, switch: told.sw, frame: told.fr }) : "not within 90 s");
    await page.close();
  }
}
await browser.close();
