/**
 * The style sheet of mails: one column that fits a phone, light and dark. Programs that know no dark mode show the light
 * one. The colours are those of the pages and charts.
 */
export const mailStyle = `
:root{color-scheme:light dark;supported-color-schemes:light dark}
body{margin:0 auto;padding:16px;max-width:600px;background:#fff;color:#1b1f24;font:16px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif;overflow-wrap:anywhere;-webkit-text-size-adjust:100%}
h1{margin:0 0 8px;font-size:20px;line-height:1.35;font-weight:600}
h2{margin:28px 0 4px;font-size:16px;line-height:1.4}
p{margin:0 0 10px}
a{color:#0b57d0}
ol,ul{margin:16px 0 0;padding-left:24px}
li{margin:0 0 18px}
.t{font-weight:600}
.th{margin:20px 0 0;padding:14px 0 0;border-top:1px solid #d8dee4}
.f,.n{margin:0 0 6px}
.s,.a,footer{color:#59636e;font-size:14px;line-height:1.5}
.a a{color:#59636e;white-space:nowrap}
.c{display:block;width:100%;max-width:400px;height:auto;margin:10px 0;border-radius:6px}
.b{display:inline-block;padding:8px 18px;border-radius:6px;background:#0b57d0;color:#fff;font-weight:600;text-decoration:none}
.l{color:#59636e;font-weight:600}
.critical{color:#b3261e}
.warning{color:#8a4600}
.good,.resolved{color:#0f6b32}
footer{margin-top:24px;padding-top:12px;border-top:1px solid #d8dee4}
footer p{margin:0 0 6px}
footer a{color:#59636e}
@media (prefers-color-scheme:dark){
body{background:#15181c;color:#e6e8eb}
a{color:#a8c7fa}
.s,.a,footer,.a a,.l,footer a{color:#9aa4af}
.b{background:#a8c7fa;color:#062e6f}
.critical{color:#ffb4ab}
.warning{color:#f2b866}
.good,.resolved{color:#7fd39c}
footer,.th{border-color:#343b44}
}`.replaceAll('\n', '')
