// n positions on a hexagonal lattice, values of two "genes"
export function lattice(n){const w=Math.ceil(Math.sqrt(n)),h=Math.ceil(n/w);const x=new Float32Array(n),y=new Float32Array(n);
 for(let i=0;i<n;i++){const r=Math.floor(i/w),c=i%w;x[i]=c+0.5*(r%2);y[i]=r*0.8660254;}return{x,y,w,h,n};}
export function gene(l,seed){const v=new Uint8Array(l.n);for(let i=0;i<l.n;i++)v[i]=1+Math.round(127+126*Math.sin(l.x[i]*6/l.w+seed)*Math.cos(l.y[i]*5/l.h-seed));return v;}
export const frames=(step,count)=>new Promise(res=>{const t=[];let last=performance.now(),k=0;(function f(){requestAnimationFrame(()=>{const now=performance.now();t.push(now-last);last=now;if(k++<count){step(k);f();}else res(t.slice(1).sort((a,b)=>a-b));});})();});
export const painted=()=>new Promise(r=>requestAnimationFrame(()=>requestAnimationFrame(()=>r(performance.now()))));
export const rgb=(b)=>[b,255-b,128];
