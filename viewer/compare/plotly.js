import Plotly from 'plotly.js-dist-min';
import {lattice,gene,frames,painted} from './common.js';
window.go=async(n,maps)=>{const l=lattice(n);const box=document.getElementById('box');const cols=Math.min(3,maps),rows=Math.ceil(maps/cols);
 const data=seed=>[...Array(maps)].map((_,i)=>({type:'scattergl',mode:'markers',x:l.x,y:l.y,xaxis:'x'+(i?i+1:''),yaxis:'y'+(i?i+1:''),hoverinfo:'skip',marker:{symbol:'hexagon',size:4,color:Array.from(gene(l,seed+i)),colorscale:'Viridis',cmin:0,cmax:255}}));
 const layout={width:960,height:640,grid:{rows,columns:cols,pattern:'independent'},showlegend:false,uirevision:1,margin:{l:5,r:5,t:5,b:5}};
 for(let i=0;i<maps;i++){layout['xaxis'+(i?i+1:'')]={visible:false,matches:i?'x':undefined};layout['yaxis'+(i?i+1:'')]={visible:false,matches:i?'y':undefined};}
 const t0=performance.now();await Plotly.react(box,data(0),layout);const first=await painted()-t0;
 const sw=[];for(let k=1;k<4;k++){const t=performance.now();await Plotly.react(box,data(k),layout);sw.push(await painted()-t);}
 const fr=await frames(k=>Plotly.relayout(box,{'xaxis.range':[k*.2,l.w+k*.2]}),12);
 return {first,sw,fr:fr[6],worst:fr.at(-1)};};
