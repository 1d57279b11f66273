/* CPU time of processes, from /proc. */
#ifndef LOADGEN_CPU_H
#define LOADGEN_CPU_H

/* User and system time of the process so far, in seconds, all its threads; negative when it is not there. Its
 * grain is the kernel's clock tick, 10 ms on most machines: measure for seconds. */
double cpu_of(int pid);

#endif
