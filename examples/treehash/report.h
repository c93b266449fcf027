/* SPDX-License-Identifier: MIT */
/*
 * What goes to standard error: complaints, and a line of progress where it is a terminal. Writing
 * may block, so tasks leave it to the blocking jobs; main draws the progress.
 */
#ifndef TREEHASH_REPORT_H
#define TREEHASH_REPORT_H

#include <stdbool.h>
#include <stddef.h>

/* "treehash: NAME: reason", and the program will end with status 1. err: a negative errno. */
void complain(const char *name, int err);
void complain_text(const char *name, const char *reason);
bool complained(void);

/* So many files and bytes more. */
void progress(size_t more_files, size_t more_bytes);

/* To be called once, before the others: is there to be a progress line? */
bool progress_begin(void);
/* Draws it, unless that would block. */
void progress_draw(void);
/* Leaves it where it is, and what comes next goes below; unless that would block. */
void progress_abandon(void);
/* Takes it off the terminal, if it is there, before something else is written. */
void progress_hide(void);

#endif
