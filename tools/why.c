#include "command.h"
const struct object why_object = {"why","x",(const struct command[]){{}}};
