// What strangers write: the names of their objects, and how a message repeats what is wrong. Pure.

#pragma once

#include <string>
#include <string_view>

namespace leadline {

// Whether `text` may be the name of a Kubernetes object.
[[nodiscard]] bool is_object_name(std::string_view text);

// In quotes, and at most as much of it as a message needs.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace leadline
