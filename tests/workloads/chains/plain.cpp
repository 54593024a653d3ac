/*
 * Methods, virtual and not, a function object, and a constructor that works.
 *
 * chain: @start -> main -> outer -> Shape::draw -> Circle::paint -> Each<int>::call -> Pen::Pen -> leaf
 */
#include "chain.h"

extern "C" STEP void leaf(void) { burn(); }

struct Pen {
    STEP explicit Pen(int width) : width(width)
    {
        leaf();
        NO_TAIL_CALL;
    }
    int width;
};

template <typename T> struct Each {
    STEP T call(T with)
    {
        Pen pen(with);
        NO_TAIL_CALL;
        return pen.width;
    }
};

struct Shape {
    virtual ~Shape() = default;
    virtual int paint(int) = 0;
    STEP int draw() { return paint(3) + 1; }
};

struct Circle : Shape {
    STEP int paint(int width) override
    {
        Each<int> each;
        USE_ALL_REGISTERS;
        return each.call(width) + 1;
    }
};

STEP void outer()
{
    Circle circle;
    Shape *volatile shape = &circle; /* or the compiler knows which paint() it is */
    shape->draw();
    NO_TAIL_CALL;
}

int main(int argc, char **argv) { RUN(argc, argv, outer()); }
