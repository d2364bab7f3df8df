import * as twgl from 'twgl.js';
import {lattice,gene,frames,painted} from './common.js';
const vs=`#version 300 es
in vec2 position; void main(){gl_Position=vec4(position,0,1);}`;
const fs=`#version 300 es
precision highp float; precision highp usampler2D; uniform usampler2D u_values; uniform sampler2D u_lut; uniform vec2 u_origin; uniform vec2 u_step; uniform vec2 u_off; uniform ivec2 u_size; uniform int u_taps; out vec4 o;
ivec2 cell(vec2 p){float v=p.y/0.8660254; float r0=floor(v); vec2 best=vec2(0); float bd=1e9; for(int k=0;k<2;k++){float r=r0+float(k); float sh=0.5*mod(r,2.0); float c=floor(p.x-sh+0.5); vec2 d=vec2(p.x-c-sh,(v-r)*0.8660254); float dd=dot(d,d); if(dd<bd){bd=dd;best=vec2(c,r);}} return ivec2(best);}
void main(){vec4 sum=vec4(0); for(int k=0;k<4;k++){ if(k>=u_taps)break; vec2 j=u_taps==1?vec2(0):vec2(float(k%2)-.5,float(k/2)-.5)*.5; vec2 p=u_origin+(gl_FragCoord.xy-u_off+j)*u_step; ivec2 c=cell(p); if(all(greaterThanEqual(c,ivec2(0)))&&all(lessThan(c,u_size))){uint b=texelFetch(u_values,c,0).r; if(b>0u) sum+=vec4(texelFetch(u_lut,ivec2(int(b),0),0).rgb,1.);} } o=sum/float(u_taps);}`;
window.go=async(n,maps,taps=4)=>{const l=lattice(n);const cv=document.createElement('canvas');cv.width=960;cv.height=640;document.getElementById('box').append(cv);const gl=cv.getContext('webgl2');
 const cols=Math.min(3,maps),rows=Math.ceil(maps/cols);const W=960/cols,H=640/rows;
 const t0=performance.now();const prog=twgl.createProgramInfo(gl,[vs,fs]);const quad=twgl.createBufferInfoFromArrays(gl,{position:{numComponents:2,data:[-1,-1,3,-1,-1,3]}});
 const lut=new Uint8Array(1024);for(let i=0;i<256;i++)lut.set([i,255-i,128,255],4*i);const lt=twgl.createTexture(gl,{src:lut,width:256,height:1,min:gl.NEAREST,mag:gl.NEAREST,wrap:gl.CLAMP_TO_EDGE});
 const dense=new Uint8Array(l.w*l.h);const tex=[...Array(maps)].map(()=>{const t=gl.createTexture();return t;});
 const up=seed=>tex.forEach((t,i)=>{const v=gene(l,seed+i);dense.set(v);gl.bindTexture(gl.TEXTURE_2D,t);gl.pixelStorei(gl.UNPACK_ALIGNMENT,1);gl.texImage2D(gl.TEXTURE_2D,0,gl.R8UI,l.w,l.h,0,gl.RED_INTEGER,gl.UNSIGNED_BYTE,dense);gl.texParameteri(gl.TEXTURE_2D,gl.TEXTURE_MIN_FILTER,gl.NEAREST);gl.texParameteri(gl.TEXTURE_2D,gl.TEXTURE_MAG_FILTER,gl.NEAREST);});
 const draw=(dx,taps)=>{gl.useProgram(prog.program);twgl.setBuffersAndAttributes(gl,prog,quad);tex.forEach((t,i)=>{const x=(i%cols)*W,y=Math.floor(i/cols)*H;gl.viewport(x,y,W,H);const s=Math.max(l.w/W,l.h*.866/H);twgl.setUniforms(prog,{u_values:t,u_lut:lt,u_origin:[dx,0],u_step:[s,s],u_off:[x,y],u_size:[l.w,l.h],u_taps:taps});twgl.drawBufferInfo(gl,quad);});};
 up(0);draw(0,taps);const first=await painted()-t0;const sw=[];for(let k=1;k<4;k++){const t=performance.now();up(k);draw(0,taps);sw.push(await painted()-t);}
 const fr=await frames(k=>draw(k*.2,taps),30);
 return {first,sw,fr:fr[15],worst:fr.at(-1)};};
