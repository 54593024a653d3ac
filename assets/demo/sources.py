"""Writes the C program that the compiler builds in the demo: sources.py FOLDER FILES."""

import pathlib
import sys

folder, files = pathlib.Path(sys.argv[1]), int(sys.argv[2])
folder.mkdir(parents=True)
FUNCTIONS = 400
HEADERS = ["ctype", "errno", "fcntl", "inttypes", "math", "pthread", "signal", "stdio", "stdlib", "string", "time"]
FUNCTION = """
static double price_{n}(const double *items, size_t count)
{{
    double sum = {n}.0;
    for (size_t i = 0; i < count; i++) {{
        double item = items[i] * {n}.5 + sqrt(items[(i * {step}) % count]);
        switch ((int)item % 5) {{
        case 0: sum += item / (1.0 + fabs(sum)); break;
        case 1: sum -= sin(item) * {n}.25; break;
        case 2: sum = sum > item ? sum - item : item; break;
        default: sum += strtod("{n}.125", NULL) * item;
        }}
    }}
    return sum;
}}
"""
for file in range(files):
    name = f"catalog{file:02}"
    text = "".join(f"#include <{header}.h>\n" for header in HEADERS)
    text += "".join(FUNCTION.format(n=n, step=2 * n + 3) for n in range(FUNCTIONS))
    calls = " + ".join(f"price_{n}(items, count)" for n in range(FUNCTIONS))
    text += f"\ndouble {name}(const double *items, size_t count)\n{{\n    return {calls};\n}}\n"
    (folder / f"{name}.c").write_text(text)

names = [f"catalog{file:02}" for file in range(files)]
main = "#include <stddef.h>\n#include <stdio.h>\n"
main += "".join(f"double {name}(const double *, size_t);\n" for name in names)
main += "int main(void)\n{\n    double items[] = { 1, 2, 3 };\n    printf(\"%f\\n\", "
main += " + ".join(f"{name}(items, 3)" for name in names) + ");\n}\n"
(folder / "main.c").write_text(main)
objects = " ".join(f"{name}.o" for name in [*names, "main"])
(folder / "Makefile").write_text(f"CFLAGS = -O2\nshop: {objects}\n\tgcc -o $@ $^ -lm\n%.o: %.c\n\tgcc $(CFLAGS) -c -o $@ $<\nclean:\n\trm -f shop {objects}\n")
