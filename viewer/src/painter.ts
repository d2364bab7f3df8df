// Draws all maps of a viewer on one canvas.

import * as twgl from "twgl.js";
import { Camera } from "./camera";
import { Affine, PALETTES, Place, chain, invert } from "./place";
import { Part, VERTEX, fragment } from "./shader";

export type Under = "spots" | "image" | "both" | "grey";
export const UNDER: Under[] = ["spots", "image", "both", "grey"];

/** What one pane shows. */
export interface Picture {
  layer: number;
  palette: number;
  categories: boolean;
  /** Of the colours, in levels: level * range[0] + range[1] lies in 0 to 1. */
  range: [number, number];
  under: Under;
  /** Rectangle on the canvas in CSS pixels, from its top left, and the part of it to draw. */
  rect: { x: number; y: number; width: number; height: number };
  clip?: { x: number; width: number };
}

export interface Style {
  ground: [number, number, number];
  line: [number, number, number];
  opacity: number;
  marks: boolean;
  outlined: boolean;
}

const mat3 = (m: Affine) => [m[0], m[1], 0, m[2], m[3], 0, m[4], m[5], 1];

export class Painter {
  private gl: WebGL2RenderingContext;
  private programs = new Map<string, twgl.ProgramInfo>();
  private quad!: twgl.BufferInfo;
  private layers: WebGLTexture[] = [];
  private state!: WebGLTexture;
  private colours!: WebGLTexture;
  private image!: WebGLTexture;
  private imageOf: ImageBitmap | null = null;
  private rows = 1;

  constructor(readonly canvas: HTMLCanvasElement) {
    const gl = canvas.getContext("webgl2", { antialias: false, depth: false, alpha: true });
    if (!gl) throw new Error("This browser offers no WebGL 2, which the maps are drawn with.");
    this.gl = gl;
    this.prepare();
  }

  /** Programs and textures: again after the browser has taken the context away. */
  prepare(): void {
    const gl = this.gl;
    this.programs.clear();
    this.quad = twgl.createBufferInfoFromArrays(gl, {
      position: { numComponents: 2, data: [-1, -1, 3, -1, -1, 3] },
    });
    this.layers = [];
    this.state = gl.createTexture()!;
    this.colours = gl.createTexture()!;
    this.image = twgl.createTexture(gl, { src: [255, 255, 255, 255], width: 1, height: 1 });
    this.imageOf = null;
  }

  /** The program of some parts, compiled when it is first needed. */
  private program(parts: Part[]): twgl.ProgramInfo {
    const key = parts.join();
    let made = this.programs.get(key);
    if (!made) this.programs.set(key, (made = twgl.createProgramInfo(this.gl, [VERTEX, fragment(parts)])));
    return made;
  }

  /** No mipmaps, no repetition: how all textures here are read. */
  private plain(filter: number): void {
    const gl = this.gl;
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, filter);
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
  }

  private table(texture: WebGLTexture, place: Place, data: Uint8Array | Uint16Array): void {
    const gl = this.gl;
    const [rows, cols] = place.head.shape;
    const wide = data instanceof Uint16Array;
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(
      gl.TEXTURE_2D, 0, wide ? gl.R16UI : gl.R8UI, cols, rows, 0, gl.RED_INTEGER,
      wide ? gl.UNSIGNED_SHORT : gl.UNSIGNED_BYTE, data,
    );
    this.plain(gl.NEAREST);
  }

  /** Levels of a layer, one a position. */
  setLayer(which: number, place: Place, levels: Uint8Array | Uint16Array): void {
    const size = place.head.shape[0] * place.head.shape[1];
    const dense = levels instanceof Uint16Array ? new Uint16Array(size) : new Uint8Array(size);
    for (let i = 0; i < levels.length; i++) dense[place.pixels[i]] = levels[i];
    this.layers[which] ??= this.gl.createTexture()!;
    this.table(this.layers[which], place, dense);
  }

  /** State bits, one a position. */
  setState(place: Place, state: Uint8Array): void {
    const dense = new Uint8Array(place.head.shape[0] * place.head.shape[1]);
    for (let i = 0; i < state.length; i++) dense[place.pixels[i]] = state[i] | 8;
    this.table(this.state, place, dense);
  }

  /** Palettes of the place, then one row for each list of categories. */
  setColours(place: Place, named: [number, number, number][][]): void {
    this.rows = PALETTES.length + named.length;
    const data = new Uint8Array(this.rows * 256 * 4).fill(255);
    PALETTES.forEach((name, row) => {
      const rgb = place.palettes.get(name)!;
      for (let i = 0; i < 256; i++) data.set(rgb.subarray(3 * i, 3 * i + 3), (row * 256 + i) * 4);
    });
    named.forEach((list, k) => {
      list.forEach((rgb, i) => data.set(rgb, ((PALETTES.length + k) * 256 + i) * 4));
    });
    const gl = this.gl;
    gl.bindTexture(gl.TEXTURE_2D, this.colours);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, this.rows, 0, gl.RGBA, gl.UNSIGNED_BYTE, data);
    this.plain(gl.NEAREST);
  }

  setImage(image: ImageBitmap | null): void {
    if (!image || image === this.imageOf) return;
    const gl = this.gl;
    gl.bindTexture(gl.TEXTURE_2D, this.image);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, image);
    this.plain(gl.LINEAR);
    this.imageOf = image;
  }

  /** Draw pictures; `density` is canvas pixels a CSS pixel, `fine` asks for four samples a pixel. */
  draw(place: Place, camera: Camera, pictures: Picture[], style: Style, density: number, fine: boolean): void {
    const gl = this.gl;
    gl.disable(gl.SCISSOR_TEST);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const back = invert(camera.toScreen);
    const px: Affine = [1 / density, 0, 0, 1 / density, 0, 0];
    const uv = chain(place.toUv, chain(back, px));
    let st: Affine = [0, 0, 0, 0, -1, -1];
    if (place.head.image && this.imageOf) {
      const [x0, x1, y0, y1] = place.head.image.extent;
      const toImage: Affine = [1 / (x1 - x0), 0, 0, 1 / (y1 - y0), -x0 / (x1 - x0), -y0 / (y1 - y0)];
      st = chain(toImage, chain(back, px));
    }
    gl.enable(gl.SCISSOR_TEST);
    for (const p of pictures) {
      const x = p.rect.x * density;
      const y = this.canvas.height - (p.rect.y + p.rect.height) * density;
      const [w, h] = [p.rect.width * density, p.rect.height * density];
      gl.viewport(x, y, w, h);
      const clip = p.clip ?? { x: 0, width: p.rect.width };
      gl.scissor(x + clip.x * density, y, Math.max(0, clip.width * density), h);
      const under = this.imageOf ? p.under : "spots";
      const parts: Part[] = [];
      if (place.head.hex) parts.push("HEX");
      if (under !== "spots") parts.push("IMAGE");
      if (style.marks) parts.push("MARKS");
      if (style.outlined) parts.push("OUTLINE");
      if (fine) parts.push("FINE");
      const program = this.program(parts);
      gl.useProgram(program.program);
      twgl.setBuffersAndAttributes(gl, program, this.quad);
      twgl.setUniforms(program, {
        u_values: this.layers[p.layer],
        u_state: this.state,
        u_colours: this.colours,
        u_image: this.image,
        u_corner: [x, y],
        u_height: h,
        u_uv: mat3(uv),
        u_st: mat3(st),
        u_size: [place.head.shape[1], place.head.shape[0]],
        u_shift: place.shift,
        u_range: p.range,
        u_named: p.categories,
        u_row: p.palette,
        u_ground: [...style.ground, 1],
        u_line: [...style.line, 1],
        u_opacity: style.opacity,
        u_under: UNDER.indexOf(under),
        u_cell: camera.scale * place.pitch * density,
        u_stroke: 1.3 * density,
      });
      twgl.drawBufferInfo(gl, this.quad);
    }
  }

  destroy(): void {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}
