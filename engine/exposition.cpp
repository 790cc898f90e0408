#include "engine/exposition.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "engine/row_memory.h"
#include "engine/utf8.h"

namespace leadline {
namespace {

constexpr std::size_t kExcerpt = 80;  // characters of a bad line that are remembered

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

constexpr std::array<bool, 256> name_characters() {
  std::array<bool, 256> allowed{};
  for (unsigned char c = 'a'; c <= 'z'; ++c) allowed[c] = true;
  for (unsigned char c = 'A'; c <= 'Z'; ++c) allowed[c] = true;
  for (unsigned char c = '0'; c <= '9'; ++c) allowed[c] = true;
  allowed['_'] = allowed[':'] = true;
  return allowed;
}
constexpr std::array<bool, 256> kNameCharacter = name_characters();

std::string_view leading_name(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && kNameCharacter[static_cast<unsigned char>(text[length])]) ++length;
  return text.substr(0, length);
}

// Whether a blank stands in `text`: eight bytes at a time, as names are 20 to 60 long.
bool has_blank(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  std::uint64_t low = 0;  // the top bit of each byte below 0x21
  std::size_t at = 0;
  for (; at + sizeof low <= text.size(); at += sizeof low) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof word);
    low |= (word - kOnes * 0x21) & ~word & (kOnes * 0x80);
  }
  // A control character is marked too: who is marked is looked at closely.
  const std::string_view rest = low == 0 ? text.substr(at) : text;
  return std::any_of(rest.begin(), rest.end(), is_blank);
}

// What a line is called: leading_name, found by one memchr where labels follow the name.
std::string_view name_of(std::string_view line) {
  constexpr std::size_t kUsual = 128;  // names are shorter
  const auto* brace =
      static_cast<const char*>(std::memchr(line.data(), '{', std::min(line.size(), kUsual)));
  if (brace == nullptr) return leading_name(line);
  const std::string_view name = line.substr(0, static_cast<std::size_t>(brace - line.data()));
  // `x {a="b"}`, or the brace of an exemplar.
  return has_blank(name) ? leading_name(line) : name;
}

void skip_blanks(std::string_view& text) {
  std::size_t blanks = 0;
  while (blanks < text.size() && is_blank(text[blanks])) ++blanks;
  text.remove_prefix(blanks);
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

std::string_view take_token(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && !is_blank(text[length])) ++length;
  const std::string_view token = text.substr(0, length);
  text.remove_prefix(length);
  return token;
}

void drop_line(std::string_view& text) {
  const auto* end = static_cast<const char*>(std::memchr(text.data(), '\n', text.size()));
  text.remove_prefix(end == nullptr ? text.size()
                                    : static_cast<std::size_t>(end + 1 - text.data()));
}

// Cuts one line off `text`, without its line end (`\n` or `\r\n`; the last may have none).
std::string_view take_line(std::string_view& text) {
  std::string_view line = text;
  drop_line(text);
  line.remove_suffix(text.size());
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Escapes of label values: `\\`, `\"`, `\n`. Anything else keeps its backslash, as Prometheus does.
std::string unescape(std::string_view raw) {
  std::string value;
  value.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const char next = raw[i] == '\\' && i + 1 < raw.size() ? raw[i + 1] : '\0';
    const bool escape = next == '\\' || next == '"' || next == 'n';
    if (escape) ++i;
    value += next == 'n' ? '\n' : raw[i];
  }
  return value;
}

// `17` or `17.0` up to the line's end, which nearly every count is printed as; cuts it and the line
// end off `text`. 15 digits are exact in a double.
std::optional<double> take_count(std::string_view& text) {
  constexpr std::size_t kMostDigits = 15;
  std::uint64_t count = 0;
  std::size_t at = 0;
  const auto digit = [&] {
    return static_cast<unsigned>(static_cast<unsigned char>(text[at])) - '0';
  };
  for (; at < std::min(text.size(), kMostDigits) && digit() <= 9; ++at)
    count = 10 * count + digit();
  if (at == 0) return std::nullopt;
  if (text.substr(at).starts_with(".0")) at += 2;
  if (at < text.size() && text[at] != '\n') return std::nullopt;
  text.remove_prefix(std::min(at + 1, text.size()));
  return static_cast<double>(count);
}

// Reads one wanted line: [name] [{labels}] value [timestamp] [# exemplar]. What is wrong with a
// line is kept in problem(); the first complaint stands.
class LineReader {
 public:
  LineReader(std::string_view line, Exposition& exposition, RowMemory& memory)
      : rest_(line), exposition_(exposition), memory_(memory) {}

  // `name` is what the line begins with; empty where it stands quoted among the labels.
  bool read(std::string_view name, Sample& sample) {
    rest_.remove_prefix(name.size());
    if (!name.empty() && memory_.recall(rest_, sample)) return read_value(sample) && read_tail();
    const std::string_view from_head = rest_;
    if (!read_head(name, sample)) return false;
    const std::string_view head = from_head.substr(0, from_head.size() - rest_.size());
    if (!is_utf8(head)) return complain("not UTF-8");
    if (!read_value(sample) || !read_tail()) return false;
    if (!name.empty() && !escapes_) memory_.remember(head, sample);
    return true;
  }

  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  // All that stands before the value.
  bool read_head(std::string_view name, Sample& sample) {
    if (!name.empty() && !rest_.empty() && rest_.front() != '{' && !is_blank(rest_.front()))
      return complain("unreadable name");
    skip_blanks(rest_);
    if (take(rest_, '{')) {
      escapes_ = rest_.find('\\') != std::string_view::npos;
      if (!read_labels(sample)) return false;
    }
    if (sample.family.empty()) return complain("no name");
    const std::size_t labels = exposition_.labels.size() - sample.first_label;
    sample.label_count = static_cast<std::uint32_t>(labels);
    skip_blanks(rest_);
    return true;
  }

  bool complain(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
    return false;
  }

  // After the opening brace. A trailing comma is allowed (TorchServe prints one).
  bool read_labels(Sample& sample) {
    for (;;) {
      skip_blanks(rest_);
      if (take(rest_, '}')) return true;
      if (!read_label(sample)) return false;
      skip_blanks(rest_);
      if (take(rest_, ',')) continue;
      return take(rest_, '}') || complain("labels do not end");
    }
  }

  bool read_label(Sample& sample) {
    const bool quoted = !rest_.empty() && rest_.front() == '"';
    std::string_view name = leading_name(rest_);
    if (quoted) {
      if (!read_quoted(name)) return false;
    } else {
      rest_.remove_prefix(name.size());
    }
    if (name.empty()) return complain("label without a name");
    skip_blanks(rest_);
    if (!take(rest_, '=')) {
      if (!quoted || !sample.family.empty()) return complain("label without a value");
      sample.family = name;
      return true;
    }
    skip_blanks(rest_);
    std::string_view value;
    if (!read_quoted(value)) return false;
    exposition_.labels.push_back({name, value});
    return true;
  }

  bool read_quoted(std::string_view& value) {
    if (!take(rest_, '"')) return complain("label value without quotes");
    std::size_t end = rest_.find('"');
    while (escapes_ && end != std::string_view::npos && is_escaped(end)) {
      end = rest_.find('"', end + 1);
    }
    if (end == std::string_view::npos) return complain("label value does not end");
    if (end > kMaxLabelValueBytes) {
      return complain(
          fmt::format("label value of {} bytes is over the cap of {}", end, kMaxLabelValueBytes));
    }
    value = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    if (escapes_ && value.find('\\') != std::string_view::npos)
      value = exposition_.unescaped.emplace_back(unescape(value));
    return true;
  }

  // Whether an odd number of backslashes stands before the quote at `position`.
  [[nodiscard]] bool is_escaped(std::size_t position) const {
    std::size_t backslashes = 0;
    while (backslashes < position && rest_[position - backslashes - 1] == '\\') ++backslashes;
    return backslashes % 2 == 1;
  }

  bool read_value(Sample& sample) {
    skip_blanks(rest_);
    const std::string_view token = take_token(rest_);
    if (token.empty()) return complain("no value");
    const std::optional<double> value = number_from(token);
    if (!value) return complain("value is no number");
    sample.value = *value;
    return true;
  }

  bool read_tail() {
    skip_blanks(rest_);
    if (rest_.empty() || rest_.front() == '#') return true;
    if (!number_from(take_token(rest_))) return complain("timestamp is no number");
    skip_blanks(rest_);
    return rest_.empty() || rest_.front() == '#' || complain("text after the timestamp");
  }

  std::string_view rest_;
  Exposition& exposition_;
  RowMemory& memory_;
  bool escapes_ = false;  // a backslash stands somewhere after the opening brace
  std::string problem_;
};

// Whether `text` begins with just this name. Names of a page begin alike (`vllm:`) and differ at
// their ends, so the last character settles most.
bool begins_with_name(std::string_view text, std::string_view name) {
  return text.size() > name.size() && !name.empty() && text[name.size() - 1] == name.back() &&
         !kNameCharacter[static_cast<unsigned char>(text[name.size()])] &&
         std::memcmp(text.data(), name.data(), name.size()) == 0;
}

// What a line of the `{"my.metric",label="x"} 1` form is called; empty where it cannot be read.
std::string_view quoted_name(std::string_view line) {
  line.remove_prefix(1);
  skip_blanks(line);
  if (!take(line, '"')) return {};
  const std::size_t end = line.find('"');
  return end == std::string_view::npos ? std::string_view{} : line.substr(0, end);
}

class PageReader {
 public:
  PageReader(const SampleFilter& filter, Exposition& exposition)
      : filter_(filter), exposition_(exposition), memory_(exposition) {}

  // False where the page has too many samples.
  bool read(std::string_view text) {
    while (!text.empty()) {
      ++line_number_;
      const bool known = begins_with_name(text, name_);
      const bool comment = text.front() == '#' && !exposition_.open_metrics;
      if (comment || (known && !wanted_)) {
        drop_line(text);
      } else if (!known || !take_usual_row(text)) {
        const std::string_view line = take_line(text);
        if (known ? !read_sample(line, name_, place_) : !read_other(line)) return false;
        if (ended_) return end_of_page(text);
      }
    }
    if (exposition_.open_metrics) reject({}, "page does not end with # EOF");
    return true;
  }

 private:
  // A row like the last one, whose value is a count: most of what is wanted. Its end is where the
  // count ends, so that nobody has to look for it.
  bool take_usual_row(std::string_view& text) {
    if (exposition_.samples.size() >= kMaxSamples) return false;
    std::string_view rest = text.substr(name_.size());
    Sample sample{.name = place_, .family = name_};
    if (!memory_.recall(rest, sample)) return false;
    const std::optional<double> count = take_count(rest);
    if (!count) {
      exposition_.labels.resize(sample.first_label);
      return false;
    }
    sample.value = *count;
    exposition_.samples.push_back(sample);
    text = rest;
    return true;
  }

  // A comment, an empty line, or a row of another name than the last.
  bool read_other(std::string_view line) {
    if (!line.empty() && is_blank(line.front())) skip_blanks(line);
    if (line.empty()) return true;
    if (line.front() != '#') return read_named(line);
    ended_ = exposition_.open_metrics && line == "# EOF";
    return true;
  }

  bool read_named(std::string_view line) {
    if (line.front() == '{') {
      const auto place = filter_.find(quoted_name(line));
      return !place || read_sample(line, {}, *place);
    }
    name_ = filter_.wants_everything() ? leading_name(line) : name_of(line);
    const auto place = filter_.find(name_);
    wanted_ = place.has_value();
    place_ = place.value_or(0);
    return !wanted_ || read_sample(line, name_, place_);
  }

  bool read_sample(std::string_view line, std::string_view name, std::uint32_t place) {
    Sample sample{.name = place,
                  .first_label = static_cast<std::uint32_t>(exposition_.labels.size()),
                  .family = name};
    LineReader reader(line, exposition_, memory_);
    if (!reader.read(name, sample)) {
      exposition_.labels.resize(sample.first_label);
      return reject(line, reader.problem());
    }
    exposition_.samples.push_back(sample);
    return exposition_.samples.size() <= kMaxSamples;
  }

  bool end_of_page(std::string_view rest) {
    if (rest.find_first_not_of("\r\n") != std::string_view::npos) {
      ++line_number_;
      reject(take_line(rest), "text after # EOF");
    }
    return true;
  }

  // True: a bad line ends nothing.
  bool reject(std::string_view line, std::string_view problem) {
    if (exposition_.bad_lines++ > 0) return true;
    std::string excerpt(line.substr(0, kExcerpt));
    for (char& c : excerpt) {
      if (c < ' ' || c > '~') c = '?';
    }
    exposition_.first_bad = fmt::format("line {}: {}: \"{}\"", line_number_, problem, excerpt);
    return true;
  }

  const SampleFilter& filter_;
  Exposition& exposition_;
  RowMemory memory_;
  std::size_t line_number_ = 0;
  // Rows of one family stand in runs, so that a comparison with the last name settles most rows.
  std::string_view name_;
  bool wanted_ = false;  // the filter lists it, at this place
  std::uint32_t place_ = 0;
  bool ended_ = false;  // by `# EOF`
};

// Lengths differ most between names, then their ends do.
std::size_t hash_name(std::string_view name) {
  std::uint64_t tail = 0;
  if (name.size() >= sizeof tail) {  // nearly all: a copy of known size is one instruction
    std::memcpy(&tail, name.data() + (name.size() - sizeof tail), sizeof tail);
  } else if (!name.empty()) {
    std::memcpy(&tail, name.data(), name.size());
  }
  const std::uint64_t mixed = (tail ^ (name.size() << 56U)) * 0x9E3779B97F4A7C15ULL;
  return static_cast<std::size_t>(mixed >> 32U);
}

}  // namespace

SampleFilter::SampleFilter(std::vector<std::string_view> names) : names_(std::move(names)) {
  std::size_t size = 16;
  while (size < 16 * names_.size()) size *= 2;  // most lookups miss: let them end at once
  slots_.assign(size, 0);
  for (std::size_t place = 0; place < names_.size(); ++place) {
    std::size_t slot = hash_name(names_[place]) % size;
    while (slots_[slot] != 0 && names_[slots_[slot] - 1] != names_[place]) slot = (slot + 1) % size;
    if (slots_[slot] == 0) slots_[slot] = static_cast<std::uint32_t>(place + 1);
  }
}

SampleFilter SampleFilter::everything() {
  SampleFilter filter({});
  filter.everything_ = true;
  return filter;
}

std::optional<std::uint32_t> SampleFilter::find(std::string_view name) const {
  if (everything_) return 0;
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t slot = hash_name(name) & mask; slots_[slot] != 0; slot = (slot + 1) & mask) {
    const std::uint32_t place = slots_[slot] - 1;
    if (names_[place] == name) return place;
  }
  return std::nullopt;
}

std::string_view Exposition::label(const Sample& sample, std::string_view name) const {
  for (const Label& label : labels_of(sample)) {
    if (label.name == name) return label.value;
  }
  return {};
}

Result<Exposition> parse_exposition(const PageText& page, const SampleFilter& filter) {
  Exposition exposition;
  exposition.open_metrics = page.shape == PageShape::kOpenMetrics;
  exposition.samples.reserve(256);
  exposition.labels.reserve(1024);
  if (!PageReader(filter, exposition).read(page.text()))
    return fail(Errc::kBadInput, "page has more than {} samples that we want", kMaxSamples);
  return exposition;
}

bool next_named_line(std::string_view& text, NamedLine& line) {
  constexpr std::string_view kType = "# TYPE ";
  while (!text.empty()) {
    std::string_view rest = take_line(text);
    skip_blanks(rest);
    line.metadata = rest.starts_with(kType);
    if (line.metadata) rest.remove_prefix(kType.size());
    line.name = rest.starts_with('{') ? quoted_name(rest) : leading_name(rest);
    if (line.name.empty()) continue;
    line.rest = rest.starts_with('{') ? rest : rest.substr(line.name.size());
    return true;
  }
  return false;
}

std::optional<double> number_from(std::string_view text) {
  if (text.size() > 1 && text.front() == '+' && text[1] != '-' && text[1] != '+')
    text.remove_prefix(1);
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace leadline
