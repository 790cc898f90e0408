// The shape of an exposition, for the tests that compare rendered pages with recorded ones.

#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace leadline {

// What makes two pages the same to a reader, without the values.
struct Shape {
  std::vector<std::string> families;                         // "# HELP …\n# TYPE …" in order
  std::map<std::string, std::set<std::string>> label_names;  // sample name → "engine,le,model_name"
  std::map<std::string, std::vector<std::string>> edges;     // bucket sample name → le values
  std::vector<std::string> values;
};

// Splits `a="x",b="y"` into names; values are added to `edges` for le.
inline std::string label_names(const std::string& labels, std::vector<std::string>& edges) {
  std::string names;
  for (std::size_t at = 0; at < labels.size();) {
    const std::size_t equals = labels.find("=\"", at);
    const std::size_t end = labels.find('"', equals + 2);
    const std::string name = labels.substr(at, equals - at);
    if (name == "le") edges.push_back(labels.substr(equals + 2, end - equals - 2));
    names += name + ',';
    at = end + 2;
  }
  return names;
}

inline Shape read_shape(const std::string& page) {
  Shape shape;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("# HELP ", 0) == 0) {
      shape.families.push_back(line);
    } else if (line.rfind("# TYPE ", 0) == 0) {
      shape.families.back() += '\n' + line;
    } else {
      const std::size_t space = line.rfind(' ');
      const std::size_t brace = std::min(line.find('{'), space);
      const std::string name = line.substr(0, brace);
      const std::string labels =
          brace < space ? line.substr(brace + 1, space - brace - 2) : std::string();
      shape.label_names[name].insert(label_names(labels, shape.edges[name]));
      shape.values.push_back(line.substr(space + 1));
    }
  }
  return shape;
}

inline std::string family_name(const std::string& family) {
  const std::size_t begin = sizeof("# HELP ") - 1;
  return family.substr(begin, family.find(' ', begin) - begin);
}

}  // namespace leadline
