#pragma once

// ldns defines min and max as macros, which the standard library's headers do not survive.
#include <ldns/ldns.h>

#undef min
#undef max
