/* SPDX-License-Identifier: MIT */
/* The end of a broken contract. The one place in pirn that writes anything. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pirn.h"

void pirn_trap(const char *file, unsigned line, const char *what)
{
	char text[256];
	int n;

	if (line)
		n = snprintf(text, sizeof(text), "pirn: %s:%u: %s\n", file ? file : "?", line,
			     what);
	else
		n = snprintf(text, sizeof(text), "pirn: %s: %s\n", file ? file : "?", what);
	if (n >= (int)sizeof(text)) {
		n = sizeof(text) - 1;
		text[n - 1] = '\n';
	}
	if (write(STDERR_FILENO, text, (size_t)n) < 0)
		abort();
	abort();
}
