// Result<T> is how every fallible function in this project answers: a T, or an Error that says what
// failed and with which input. See ARCHITECTURE.md, "Errors".
//
// std::expected needs C++23; tl::expected (Debian: libexpected-dev) has the same shape. Use only
// what both spell alike (bool, *, ->, error(), and_then, transform) so that one alias moves us.

#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <tl/expected.hpp>

namespace leadline {

enum class Errc {
  kBadConfig = 1,    // the operator must change something; never retried
  kBadInput = 2,     // a peer sent bytes we cannot read
  kUnavailable = 3,  // a peer did not answer in time; retry at the next tick
  kNotFound = 4,     // no such metric, pod or snapshot
  kStale = 5,        // there is a value, and it is too old to act on
};

struct Error {
  Errc code;            // for the program: retry? 404? exit?
  std::string message;  // for a person: what failed, with the offending value

  // Says where we were when it happened: `with_context("scraping http://127.0.0.1:8000")`.
  [[nodiscard]] Error with_context(std::string_view context) const {
    return {code, fmt::format("{}: {}", context, message)};
  }
};

template <typename T>
using Result = tl::expected<T, Error>;

// Where a failure begins:    return fail(Errc::kBadInput, "line {}: no value", number);
// Where it passes through:   return fail(body.error().with_context("scraping " + url));
[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

template <typename... Args>
[[nodiscard]] tl::unexpected<Error> fail(Errc code, fmt::format_string<Args...> format,
                                         Args&&... args) {
  return tl::unexpected<Error>(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

}  // namespace leadline
