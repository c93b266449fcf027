/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "thread.h"

_Thread_local struct pirn_thread pirn__thread;
