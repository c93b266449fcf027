/* SPDX-License-Identifier: MIT */
/*
 * Comes first, by -include, in everything that is compiled for the models: what the library asks
 * of its host is answered by host.c.
 */
#ifndef MODEL_HOST_H
#define MODEL_HOST_H

#define clock_gettime model_clock_gettime
#define memcpy model_memcpy
#define memset model_memset
#define pthread_attr_destroy model_pthread_attr_destroy
#define pthread_attr_getstack model_pthread_attr_getstack
#define pthread_getattr_np model_pthread_getattr_np
#define pthread_join model_pthread_join
#define pthread_self model_pthread_self
#define pthread_setname_np model_pthread_setname_np
#define pthread_sigmask model_pthread_sigmask
#define sched_yield model_sched_yield
#define syscall model_syscall

#endif
