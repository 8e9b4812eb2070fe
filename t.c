#include <stdio.h>
#include <time.h>
#include <stdlib.h>
#include "a.h"
#include "l.h"
#include "m.h"
#include "h.h"
static int cmp(const void*a,const void*b){double d=*(double*)a-*(double*)b;return d<0?-1:d>0;}
#define RUN(p,NI) do{ static float x[64],y[8]; double t[51]; for(int i=0;i<64;i++)x[i]=.1f*i-1; \
 for(int r=0;r<51;r++){ struct timespec a,b; clock_gettime(CLOCK_MONOTONIC,&a); for(int k=0;k<20000;k++){ p##_predict(x,y); __asm__ volatile(""::"r"(y),"r"(x):"memory"); x[0]=y[0]*1e-3f; } clock_gettime(CLOCK_MONOTONIC,&b); t[r]=((b.tv_sec-a.tv_sec)*1e9+b.tv_nsec-a.tv_nsec)/20000;} qsort(t,51,8,cmp); printf(#p " %.1f (min %.1f) ",t[25],t[0]);}while(0)
int main(){RUN(a,4);RUN(l,4);RUN(m,30);RUN(h,20);puts("");}
