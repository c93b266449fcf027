/* error: moved by memcpy: must be trivially copyable */
/* A message is copied byte by byte. */
#include <pirn_channel.h>
#include <string>

PIRN_CHANNEL(word, std::string, NULL);
