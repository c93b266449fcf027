/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "thread.h"

PIRN_THREAD_LOCAL struct pirn_thread pirn__thread;
