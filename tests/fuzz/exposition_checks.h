// What holds of every parsed exposition, whatever the page was. Used by the fuzzers that parse one.

#pragma once

#include "engine/exposition.h"

namespace leadline::fuzz {

void check_exposition(const PageText& page, const Exposition& exposition);

// The same labels and value.
[[nodiscard]] bool same_sample(const Exposition& a, const Sample& one, const Exposition& b,
                               const Sample& other);

}  // namespace leadline::fuzz
