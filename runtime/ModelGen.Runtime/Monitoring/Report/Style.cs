namespace ModelGen.Monitoring;

/// <summary>The style sheet of reports.</summary>
internal static class Style
{
    public const string Sheet = """
        :root{--paper:#fbfbf9;--card:#fff;--ink:#1d2126;--quiet:#5d6670;--rule:#dfe2e6;--c1:#2563c9;--c2:#c2610c;--c3:#0b7a5a;--c4:#8a3ea8;--strong:#fff}
        @media(prefers-color-scheme:dark){:root{--paper:#14171b;--card:#1c2026;--ink:#e7e9ec;--quiet:#a0a9b4;--rule:#343a43;--c1:#6ea3f5;--c2:#f0a058;--c3:#4cc79c;--c4:#c58ae0;--strong:#10141a}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif}
        main{max-width:1180px;margin:0 auto;padding:24px 20px 60px}
        h1{font-size:26px;line-height:1.2;margin:0 0 4px;overflow-wrap:anywhere}
        h2{font-size:19px;margin:40px 0 12px;padding-top:10px;border-top:1px solid var(--rule)}
        p{margin:6px 0 12px}
        .quiet{color:var(--quiet)}
        nav{display:flex;flex-wrap:wrap;gap:4px 16px;margin:14px 0 18px}
        a{color:var(--c1)}
        .figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(132px,1fr));gap:12px;margin:18px 0}
        .figures div{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:10px 12px}
        .figures b{display:block;font-size:18px;font-weight:600;overflow-wrap:anywhere}
        .figures span{color:var(--quiet);font-size:13px}
        .cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,400px),1fr));gap:14px;align-items:start}
        .chart,.card{margin:0;background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:12px}
        .wide{grid-column:1/-1}
        .chart figcaption,.card h3{font-size:15px;font-weight:600;margin:0 0 6px}
        .legend{display:flex;flex-wrap:wrap;gap:2px 14px;font-size:13px;color:var(--quiet);margin-bottom:4px}
        .legend i{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:5px}
        svg{display:block;width:100%;height:auto;max-width:440px;margin:0 auto}
        svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif;fill:var(--quiet)}
        svg .name{fill:var(--ink)}
        svg .cell{fill:var(--ink)}
        svg .strong{fill:var(--strong);font-weight:600}
        .grid{stroke:var(--rule);stroke-width:1}
        .reference{stroke:var(--quiet);stroke-width:1;stroke-dasharray:4 3}
        .line{fill:none;stroke-width:1.8;stroke-linejoin:round}
        .s1{stroke:var(--c1)}.s2{stroke:var(--c2)}.s3{stroke:var(--c3)}.s4{stroke:var(--c4)}
        .f1{fill:var(--c1)}.f2{fill:var(--c2)}.f3{fill:var(--c3)}.f4{fill:var(--c4)}
        .b1{background:var(--c1)}.b2{background:var(--c2)}.b3{background:var(--c3)}.b4{background:var(--c4)}
        .soft{fill-opacity:.45}.dot{fill-opacity:.55}
        .box{fill:var(--paper);stroke:var(--rule)}.layer{stroke:var(--c1)}.input{stroke:var(--c3)}
        .edge{stroke:var(--quiet);stroke-width:1.2}
        .scroll{overflow-x:auto}.tall{max-height:620px;overflow-y:auto}
        table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums;min-width:100%}
        th,td{padding:5px 10px 5px 0;text-align:left;border-bottom:1px solid var(--rule);white-space:nowrap}
        th{color:var(--quiet);font-weight:600;font-size:13px}
        .n{text-align:right}
        tr.sum td{font-weight:600}
        .bad{color:var(--c2)}
        .samples{display:grid;grid-template-columns:repeat(auto-fill,minmax(92px,1fr));gap:10px}
        .samples figure{margin:0;font-size:12px;text-align:center;color:var(--quiet);line-height:1.3}
        .samples img{width:100%;height:auto;border:1px solid var(--rule);border-radius:4px;display:block;margin-bottom:3px}
        .samples img.small{image-rendering:pixelated}
        @media(max-width:600px){main{padding:16px 12px 40px}.chart,.card{padding:9px}table{font-size:13px}th,td{padding:4px 7px 4px 0}h2{margin-top:30px}}
        .samples b{color:var(--ink);font-weight:600}
        """;
}
