import {Deck,OrthographicView} from '@deck.gl/core';import {ColumnLayer} from '@deck.gl/layers';
import {lattice,gene,frames,painted} from './common.js';
window.go=async(n,maps)=>{
 const l=lattice(n);const box=document.getElementById('box');const W=960,H=640;const cols=Math.min(3,maps),rows=Math.ceil(maps/cols);
 const pos=new Float32Array(n*2);for(let i=0;i<n;i++){pos[2*i]=l.x[i];pos[2*i+1]=l.y[i];}
 const colour=(seed)=>{const v=gene(l,seed);const c=new Uint8Array(n*4);for(let i=0;i<n;i++){c[4*i]=v[i];c[4*i+1]=255-v[i];c[4*i+2]=128;c[4*i+3]=255;}return c;};
 const views=[...Array(maps)].map((_,i)=>new OrthographicView({id:'v'+i,x:(100*(i%cols)/cols)+'%',y:(100*Math.floor(i/cols)/rows)+'%',width:100/cols+'%',height:100/rows+'%',flipY:true}));
 const layers=(seed)=>[...Array(maps)].map((_,i)=>new ColumnLayer({id:'m'+i,data:{length:n,attributes:{getPosition:{value:pos,size:2},getFillColor:{value:colour(seed+i),size:4}}},diskResolution:6,extruded:false,radius:0.577,coverage:1,angle:90,radiusUnits:'common'}));
 const vs=(dx)=>Object.fromEntries(views.map(v=>[v.id,{target:[l.w/2+dx,l.h*0.433,0],zoom:Math.log2(Math.min(W/cols/l.w,H/rows/(l.h*.866)))}]));
 let deck; const t0=performance.now();
 await new Promise(r=>{deck=new Deck({parent:box,width:W,height:H,views,viewState:vs(0),layers:layers(0),layerFilter:({layer,viewport})=>layer.id.slice(1)===viewport.id.slice(1),onAfterRender:r});});
 const first=await painted()-t0; await new Promise(r=>setTimeout(r,500));
 const sw=[];for(let k=1;k<4;k++){const t=performance.now();const done=new Promise(r=>deck.setProps({layers:layers(k),onAfterRender:r}));await done;sw.push(await painted()-t);}
 const cur=layers(9);deck.setProps({layers:cur});await painted();
 const fr=await frames(k=>deck.setProps({viewState:vs(k*0.2)}),30);
 return {first,sw,fr:fr[15],worst:fr.at(-1)};};
