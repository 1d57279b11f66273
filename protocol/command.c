/* The commands by number: see protocol/command.h. Tables only. */
#include "protocol/command.h"

#include <stddef.h>

enum { COMMANDS = 0x100 };

static const uint8_t replies[COMMANDS] = {
#define REPLY(name, value, reply) [value] = MP_REPLY_##reply,
    MP_COMMAND_LIST(REPLY)
#undef REPLY
};

static const char *const names[COMMANDS] = {
#define NAME(name, value, reply) [value] = "COM_" #name,
    MP_COMMAND_LIST(NAME) // NOLINT(bugprone-suspicious-missing-comma): the two strings are one name
#undef NAME
};

mp_reply mp_command_reply(uint8_t command)
{
    return (mp_reply)replies[command];
}

const char *mp_command_name(uint8_t command)
{
    return names[command] == NULL ? "COM_UNKNOWN" : names[command];
}
