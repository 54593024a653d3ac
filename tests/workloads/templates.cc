// Code of which much is inlined, and a function of its own for each number: something to look up names in.
// Waits until standard input ends.

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace templates {

template <int N> struct Key {
    std::string name;
    int number;

    bool operator<(const Key &other) const {
        return number % (N + 2) != other.number % (N + 2) ? number % (N + 2) < other.number % (N + 2)
                                                          : name < other.name;
    }
};

template <int N> __attribute__((noinline)) std::size_t work(int count) {
    std::map<Key<N>, std::vector<std::string>> table;
    std::vector<Key<N>> keys;
    for (int i = 0; i < count; i++) {
        keys.push_back({"key " + std::to_string(i * N), i});
        table[keys.back()].push_back(std::to_string(i));
    }
    std::stable_sort(keys.begin(), keys.end());
    std::size_t sum = 0;
    for (const auto &key : keys) {
        const auto &values = table[key];
        sum += std::accumulate(values.begin(), values.end(), std::string()).size();
    }
    return sum;
}

template <int... N> std::size_t all(std::integer_sequence<int, N...>, int count) {
    return (work<N>(count) + ... + 0);
}

} // namespace templates

int main() {
    std::size_t sum = templates::all(std::make_integer_sequence<int, 30>(), 3);
    while (std::getchar() != EOF) {
    }
    return sum == 0;
}
