namespace ModelGen.Compiler.Ir;

/// <summary>
/// A tensor size: an integer polynomial in named sizes ("N", "T"), kept in canonical form so that equal sizes compare equal.
/// </summary>
/// <remarks>
/// A division that does not come out exactly becomes an atom of its own, written <c>floor((T - 3) / 2)</c>. Every named size is at least 1,
/// which is what <see cref="CanBe"/> relies on.
/// </remarks>
internal sealed class Dim : IEquatable<Dim>
{
    // Sorted by monomial text; the constant term has the empty monomial. A zero coefficient is never stored.
    private readonly EquatableArray<Term> terms;

    private static readonly Dim[] Small = [.. Enumerable.Range(0, 1025).Select(static value => new Dim(value))];

    // Most sizes are plain numbers; they need no sorting and no text.
    private Dim(long value) => terms = value == 0 ? EquatableArray<Term>.Empty : new[] { new Term("", [], value) };

    private Dim(IEnumerable<Term> unordered)
    {
        terms = unordered
            .GroupBy(static term => term.Monomial, StringComparer.Ordinal)
            .Select(static group => new Term(group.Key, group.First().Atoms, group.Sum(static term => term.Coefficient)))
            .Where(static term => term.Coefficient != 0)
            .OrderBy(static term => term.Monomial.Length == 0)
            .ThenBy(static term => term.Monomial, StringComparer.Ordinal)
            .ToEquatableArray();
    }

    public static Dim Zero => Small[0];

    public static Dim One => Small[1];

    /// <summary>The value when it is known during the build.</summary>
    public long? Constant => terms.Count == 0 ? 0 : terms.Count == 1 && terms[0].Monomial.Length == 0 ? terms[0].Coefficient : null;

    public static implicit operator Dim(long value) => value >= 0 && value < Small.Length ? Small[value] : new Dim(value);

    public static Dim operator +(Dim a, Dim b) => (a.Constant, b.Constant) switch
    {
        (long x, long y) => checked(x + y),
        (0, _) => b,
        (_, 0) => a,
        _ => new([.. a.terms, .. b.terms]),
    };

    public static Dim operator -(Dim a, Dim b) => (a.Constant, b.Constant) is (long x, long y) ? checked(x - y) : b.Constant is 0 ? a : a + (b * -1);

    public static Dim operator *(Dim a, Dim b) => (a.Constant, b.Constant) switch
    {
        (long x, long y) => checked(x * y),
        (1, _) => b,
        (_, 1) => a,
        _ => new(from x in a.terms from y in b.terms select Term.Create([.. x.Atoms, .. y.Atoms], checked(x.Coefficient * y.Coefficient))),
    };

    public static Dim Symbol(string name) => new([Term.Create([new Atom(name, null, 1)], 1)]);

    /// <summary>The quotient rounded down; exact when every term divides.</summary>
    public static Dim FloorDivide(Dim dividend, long divisor)
    {
        if (divisor == 1)
        {
            return dividend;
        }

        if (dividend.Constant is long value)
        {
            return (value / divisor) - (value % divisor < 0 ? 1 : 0);
        }

        // The part that divides leaves the floor: floor((2T + 1) / 2) = T + floor(1 / 2).
        var whole = new Dim(dividend.terms.Where(term => term.Coefficient % divisor == 0).Select(term => term with { Coefficient = term.Coefficient / divisor }));
        var rest = new Dim(dividend.terms.Where(term => term.Coefficient % divisor != 0));
        return rest.Constant is not null ? whole + FloorDivide(rest, divisor) : whole + new Dim([Term.Create([new Atom("", rest, divisor)], 1)]);
    }

    /// <summary>The exact quotient of two sizes, or null when it is not a polynomial.</summary>
    public static Dim? DivideExactly(Dim dividend, Dim divisor)
    {
        if (divisor.Constant is long value)
        {
            return value == 0 || dividend.terms.Any(term => term.Coefficient % value != 0)
                ? null
                : new Dim(dividend.terms.Select(term => term with { Coefficient = term.Coefficient / value }));
        }

        if (divisor.terms.Count != 1)
        {
            return dividend.Equals(divisor) ? One : null;
        }

        Term by = divisor.terms[0];
        var quotient = new List<Term>();
        foreach (Term term in dividend.terms)
        {
            var atoms = term.Atoms.ToList();
            if (term.Coefficient % by.Coefficient != 0 || !by.Atoms.All(atoms.Remove))
            {
                return null;
            }

            quotient.Add(Term.Create([.. atoms], term.Coefficient / by.Coefficient));
        }

        return new Dim(quotient);
    }

    /// <summary>Whether the two sizes are equal for at least some values of the named sizes; false means a certain mismatch.</summary>
    public static bool CanBe(Dim a, Dim b)
    {
        if (a.Equals(b))
        {
            return true;
        }

        Dim difference = a - b;
        if (difference.Constant is long value)
        {
            return value == 0;
        }

        // All named sizes are at least 1: a difference whose coefficients all have one sign cannot be zero.
        Dim atOne = difference.terms.Aggregate(Zero, static (sum, term) => sum + term.Coefficient);
        bool positive = difference.terms.Where(static term => term.Atoms.Count > 0).All(static term => term.Coefficient > 0);
        bool negative = difference.terms.Where(static term => term.Atoms.Count > 0).All(static term => term.Coefficient < 0);
        bool simple = difference.terms.All(static term => term.Atoms.All(static atom => atom.Dividend is null));
        return !(simple && ((positive && atOne.Constant > 0) || (negative && atOne.Constant < 0)));
    }

    /// <summary>Whether a size is certainly 0 or more for all values of the named sizes, which are at least 1; false when that cannot be shown.</summary>
    public static bool IsNeverNegative(Dim dim) =>
        dim.Constant is long value ? value >= 0
        : dim.terms.All(static term => (term.Atoms.Count == 0 || term.Coefficient > 0) && term.Atoms.All(static atom => atom.Dividend is null)) && dim.terms.Sum(static term => term.Coefficient) >= 0;

    /// <summary>The value for given sizes.</summary>
    /// <exception cref="KeyNotFoundException">A named size is not given.</exception>
    public long Evaluate(IReadOnlyDictionary<string, long> sizes) =>
        terms.Aggregate(0L, (sum, term) => sum + term.Atoms.Aggregate(term.Coefficient, (product, atom) => product * atom.Evaluate(sizes)));

    /// <summary>Names of all sizes in the polynomial.</summary>
    public IEnumerable<string> Symbols() =>
        terms.SelectMany(static term => term.Atoms).SelectMany(static atom => atom.Dividend is null ? [atom.Name] : atom.Dividend.Symbols()).Distinct();

    /// <summary>A C# expression of type long, over local variables named like the sizes.</summary>
    public string ToCSharp() => Render(static (dividend, divisor) => $"(({dividend.ToCSharp()}) / {Invariant.Text(divisor)})");

    public bool Equals(Dim? other) => ReferenceEquals(this, other) || (other is not null && terms.Equals(other.terms));

    public override bool Equals(object? obj) => Equals(obj as Dim);

    public override int GetHashCode() => terms.GetHashCode();

    public override string ToString() => Render(static (dividend, divisor) => $"floor(({dividend}) / {Invariant.Text(divisor)})");

    private string Render(Func<Dim, long, string> division)
    {
        if (terms.Count == 0)
        {
            return "0";
        }

        string text = "";
        foreach (Term term in terms)
        {
            long magnitude = Math.Abs(term.Coefficient);
            string product = string.Join(" * ", term.Atoms.Select(atom => atom.Dividend is null ? atom.Name : division(atom.Dividend, atom.Divisor)));
            string factor = term.Atoms.Count == 0 ? Invariant.Text(magnitude) : magnitude == 1 ? product : Invariant.Text(magnitude) + " * " + product;
            bool minus = term.Coefficient < 0;
            text += text.Length == 0 ? (minus ? "-" : "") + factor : (minus ? " - " : " + ") + factor;
        }

        return text;
    }

    /// <summary>A named size, or a floor division that did not come out.</summary>
    private sealed record Atom(string Name, Dim? Dividend, long Divisor)
    {
        public long Evaluate(IReadOnlyDictionary<string, long> sizes) => Dividend is null ? sizes[Name] : FloorDivide(Dividend.Evaluate(sizes), Divisor).Constant!.Value;

        public override string ToString() => Dividend is null ? Name : $"({Dividend})/{Invariant.Text(Divisor)}";
    }

    private sealed record Term(string Monomial, EquatableArray<Atom> Atoms, long Coefficient)
    {
        private const int MostAtoms = 64;
        private const int LongestTerm = 4000;

        public static Term Create(Atom[] atoms, long coefficient)
        {
            // Products and divisions repeated in a loop grow without end; no real size comes near.
            if (atoms.Length > MostAtoms)
            {
                throw new OverflowException("a size is a product of too many named sizes");
            }

            Atom[] sorted = [.. atoms.OrderBy(static atom => atom.ToString(), StringComparer.Ordinal)];
            string monomial = string.Join("*", sorted.Select(static atom => atom.ToString()));
            return monomial.Length > LongestTerm ? throw new OverflowException("a size is too long an expression of named sizes") : new Term(monomial, sorted, coefficient);
        }
    }
}
