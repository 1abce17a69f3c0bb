// example

    public Tensor Forward([Shape("N", 28)] Tensor x) => Head(x);
}
