#pragma once

// ldns defines min, max, true and false as macros, which the standard library's headers do not
// survive.
#include <ldns/ldns.h>

#undef min
#undef max
#undef bool
#undef true
#undef false
