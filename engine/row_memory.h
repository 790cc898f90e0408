// RowMemory makes the parser fast: rows of a page repeat. What stands between name and value
// (`{engine="0",le="0.5",model_name="m"} `, here called the row's head) is the same from one row to
// the next but for one label value, mostly `le`. A head that was split once is recalled for the
// rows after it by two comparisons, without splitting or checking it again. Used by the parser
// only; lives for one page; not thread-safe.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/exposition.h"

namespace leadline {

class RowMemory {
 public:
  explicit RowMemory(Exposition& exposition) : exposition_(exposition) {}

  // Where `rest` (a row without its name) begins with a head as one of those remembered: appends
  // its labels to the exposition, cuts the head off `rest`, and answers true. Never reads past a
  // line end.
  bool recall(std::string_view& rest, Sample& sample);

  // `head` holds no backslash and is well-formed; `sample` says where its labels stand, and is
  // kept. A head without labels is not worth it.
  void remember(std::string_view head, const Sample& sample);

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  struct Head {
    std::string_view text;
    std::uint32_t first_label = 0;
    std::uint32_t label_count = 0;
    std::uint32_t varying = kNone;  // which label's value differed last
    std::size_t value_begin = 0;    // of it, in the text
    std::size_t value_end = 0;
  };

  bool recall(Head& head, std::string_view& rest, Sample& sample);
  // Makes the label varying in whose value `rest` first differs from the head, if there is one.
  bool find_varying(Head& head, std::string_view rest) const;
  void add_labels(const Head& head, std::string_view value, Sample& sample);

  Exposition& exposition_;
  std::array<Head, 2> heads_;  // the one used last stands first: buckets, and rows between them
};

}  // namespace leadline
