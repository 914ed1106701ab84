<#
Installs Umbel on this machine, or updates it, for you alone and without administrator's rights. What is fetched is held to a signature
before anything is unpacked, and nothing that is there is touched before what was fetched has been seen to run.

  irm __UMBEL_BASE_URL__/install.ps1 | iex
  & ([scriptblock]::Create((irm __UMBEL_BASE_URL__/install.ps1))) -Version 1.2.3

This page came from the coordinator that it names, and so did the keys in it. Who does not want to take them on its word compares the
fingerprint with one got elsewhere (-KeyId), or gives keys got elsewhere (-ReleaseKey). Once installed, Umbel takes updates from the holders
of these keys only, whatever the coordinator says.
#>
param(
  # This release instead of the newest.
  [ValidatePattern('^[0-9A-Za-z.+-]*$')] [string] $Version = '',
  [ValidateSet('stable', 'beta')] [string] $Channel = 'stable',
  [string] $Prefix = (Join-Path $env:LOCALAPPDATA 'Programs\Umbel'),
  # Leave the PATH of your account alone.
  [switch] $NoModifyPath,
  # Public keys of whoever makes releases, instead of those of this coordinator.
  [string] $ReleaseKey = '',
  # Go on only if the release is signed by this key.
  [string] $KeyId = '',
  # Verify the newest release, say what would be done, and do nothing.
  [switch] $DryRun,
  # Take the program away; keys, models and settings in .umbel stay.
  [switch] $Uninstall
)

$ErrorActionPreference = 'Stop'
# Drawing its progress takes Windows PowerShell longer than fetching.
$ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12

$BaseUrl = '__UMBEL_BASE_URL__'
$ReleaseKeys = '__UMBEL_RELEASE_KEYS__'
$Entry = 'node_modules\@umbel\cli\bin\umbel.js'
$NodeLeast = [version] '20.19'

function Stop-Install([string] $What, [string] $Remedy) { throw "umbel: $What`n  $Remedy" }

function ConvertFrom-Base64Url([string] $Text) {
  $padded = $Text.Replace('-', '+').Replace('_', '/') + ('=' * ((4 - $Text.Length % 4) % 4))
  # The comma keeps PowerShell from taking the bytes apart.
  , [Convert]::FromBase64String($padded)
}

function ConvertTo-Base64Url([byte[]] $Bytes) { [Convert]::ToBase64String($Bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_') }

# A JSON Web Signature (RFC 7515) with ES256: two numbers side by side, as .NET takes them.
function Test-Signature($Jwk, [string] $Signed, [byte[]] $Signature) {
  $point = New-Object System.Security.Cryptography.ECPoint
  $point.X = ConvertFrom-Base64Url $Jwk.x
  $point.Y = ConvertFrom-Base64Url $Jwk.y
  $parameters = New-Object System.Security.Cryptography.ECParameters
  $parameters.Curve = [System.Security.Cryptography.ECCurve+NamedCurves]::nistP256
  $parameters.Q = $point
  $ecdsa = [System.Security.Cryptography.ECDsa]::Create($parameters)
  try { $ecdsa.VerifyData([Text.Encoding]::ASCII.GetBytes($Signed), $Signature, [System.Security.Cryptography.HashAlgorithmName]::SHA256) }
  finally { $ecdsa.Dispose() }
}

# The key's thumbprint (RFC 7638), as umbel admin releases key prints it.
function Get-Thumbprint($Jwk) {
  $text = '{"crv":"P-256","kty":"EC","x":"' + $Jwk.x + '","y":"' + $Jwk.y + '"}'
  $sha256 = [System.Security.Cryptography.SHA256]::Create()
  try { ConvertTo-Base64Url ($sha256.ComputeHash([Text.Encoding]::ASCII.GetBytes($text))) } finally { $sha256.Dispose() }
}

# @returns what was signed, and by whom. Of the coordinator's own words only the address counts.
function Get-SignedRelease($Record, $Keys) {
  $parts = "$($Record.signature)".Split('.')
  if ($parts.Length -ne 3) { Stop-Install 'The release is not signed.' "Tell the operator of $BaseUrl." }
  $signature = ConvertFrom-Base64Url $parts[2]
  $jwk = $Keys | Where-Object { Test-Signature $_ "$($parts[0]).$($parts[1])" $signature } | Select-Object -First 1
  if (-not $jwk) { Stop-Install 'The release is not signed by a key that this installer knows.' "Tell the operator of $BaseUrl." }
  $signer = Get-Thumbprint $jwk
  if ($KeyId -and $KeyId -cne $signer) {
    Stop-Install "The release is signed by $signer, and not by $KeyId." 'Get the fingerprint from whoever makes the releases, or do not install.'
  }
  $header = [Text.Encoding]::UTF8.GetString((ConvertFrom-Base64Url $parts[0])) | ConvertFrom-Json
  if ($header.alg -cne 'ES256' -or $header.typ -cne 'provider-release+jwt' -or $header.ver -ne 1) {
    Stop-Install 'What is signed is no release.' "Tell the operator of $BaseUrl."
  }
  $claims = [Text.Encoding]::UTF8.GetString((ConvertFrom-Base64Url $parts[1])) | ConvertFrom-Json
  @{ Claims = $claims; Signer = $signer }
}

function Get-Platform {
  # Of the machine, also where this PowerShell is one for another processor.
  $cpu = if ($env:PROCESSOR_ARCHITEW6432) { $env:PROCESSOR_ARCHITEW6432 } else { $env:PROCESSOR_ARCHITECTURE }
  switch ($cpu) {
    'AMD64' { 'win32-x64' }
    'ARM64' { 'win32-arm64' }
    default { Stop-Install "Umbel does not run on the processor $cpu." 'It runs on x86-64 and 64-bit ARM.' }
  }
}

function Get-Node {
  $node = Get-Command node -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
  $found = if ($node) { & $node.Source --version } else { 'none' }
  if (-not $node -or [version] ($found -replace '^v', '') -lt $NodeLeast) {
    Stop-Install "This release needs Node $NodeLeast or newer, and $found is here." 'Install it (winget install OpenJS.NodeJS.LTS), then run this again.'
  }
  $node.Source
}

# --- where commands are looked for -------------------------------------------------------------------------------------------------------

function Get-UserPath { @([Environment]::GetEnvironmentVariable('Path', 'User') -split ';' | Where-Object { $_ }) }

function Add-ToPath([string] $Folder) {
  if ((Get-UserPath) -contains $Folder -or ($env:Path -split ';') -contains $Folder) { return }
  if ($NoModifyPath) { Write-Host "To have the command umbel everywhere, put $Folder on your PATH."; return }
  [Environment]::SetEnvironmentVariable('Path', (@(Get-UserPath) + $Folder) -join ';', 'User')
  $env:Path = "$env:Path;$Folder"
  Write-Host "Added $Folder to the PATH of your account, so that new terminals find the command umbel."
}

function Remove-FromPath([string] $Folder) {
  if ((Get-UserPath) -notcontains $Folder) { return }
  [Environment]::SetEnvironmentVariable('Path', (@(Get-UserPath) | Where-Object { $_ -ne $Folder }) -join ';', 'User')
  Write-Host "Took $Folder out of the PATH of your account."
}

# --- what is done ------------------------------------------------------------------------------------------------------------------------

function Install-New {
  $platform = Get-Platform
  $keysText = if ($ReleaseKey) { Get-Content -Raw -LiteralPath $ReleaseKey } else { $ReleaseKeys }
  $keys = @(($keysText | ConvertFrom-Json).keys | ForEach-Object { $_.jwk } | Where-Object { $_.crv -ceq 'P-256' })
  $asked = if ($Version) { "$BaseUrl/v1/releases/${Version}?platform=$platform" } else { "$BaseUrl/v1/releases/latest?platform=$platform&channel=$Channel" }
  try { $record = (Invoke-WebRequest -UseBasicParsing -Uri $asked -TimeoutSec 30).Content | ConvertFrom-Json }
  catch { Stop-Install "$BaseUrl does not answer, or offers no release $Version for ${platform}: $($_.Exception.Message)" 'Ask its operator.' }

  $release = Get-SignedRelease $record $keys
  $claims = $release.Claims
  $isAsked = $claims.platform -ceq $platform -and (-not $Version -or $claims.version -ceq $Version) -and
    ($Version -or $claims.channel -in @('stable', $Channel)) -and $claims.version -match '^[0-9A-Za-z.+-]+$'
  if (-not $isAsked) { Stop-Install 'What is signed is another release than was asked for.' "Tell the operator of $BaseUrl." }
  if ($record.url -notmatch '^(https://|http://(127\.0\.0\.1|localhost|\[::1\])[:/])') { Stop-Install "The address of the release is not safe: $($record.url)" "Tell the operator of $BaseUrl." }
  Write-Host "Umbel $($claims.version) for $platform, signed by $($release.Signer)."
  $node = if ($claims.brings_node) { '' } else { Get-Node }
  if ($DryRun) { Write-Host "Would fetch $($record.url) ($($claims.bundle_bytes) bytes) and install it into $Prefix. Nothing was changed."; return }

  $isNew = -not (Test-Path -LiteralPath $Prefix)
  $staging = Join-Path $Prefix ".install-$([guid]::NewGuid())"
  New-Item -ItemType Directory -Force -Path (Join-Path $staging 'unpacked') | Out-Null
  try {
    $archive = Join-Path $staging 'release.tar.gz'
    Write-Host "Fetching $($claims.bundle_bytes) bytes ..."
    Invoke-WebRequest -UseBasicParsing -Uri $record.url -OutFile $archive -MaximumRedirection 0
    $isSame = (Get-Item -LiteralPath $archive).Length -eq $claims.bundle_bytes -and
      (Get-FileHash -LiteralPath $archive -Algorithm SHA256).Hash -eq $claims.bundle_sha256
    if (-not $isSame) { Stop-Install 'What was fetched is not what was signed; nothing was changed.' "Tell the operator of $BaseUrl." }
    $unpacked = Join-Path $staging 'unpacked'
    # Windows has its own tar since 2018; one of Git or Cygwin on the PATH would read C: as the name of a machine.
    & "$env:SystemRoot\System32\tar.exe" -xzf $archive -C $unpacked
    if ($LASTEXITCODE -ne 0) { Stop-Install 'The release cannot be unpacked; nothing was changed.' 'Is the disk full?' }
    $utf8 = New-Object Text.UTF8Encoding $false
    [IO.File]::WriteAllText((Join-Path $staging 'record.json'), ($record | ConvertTo-Json -Compress), $utf8)
    [IO.File]::WriteAllText((Join-Path $staging 'keys.json'), $keysText, $utf8)
    if (-not $node) { $node = Join-Path $unpacked 'runtime\node.exe' }
    $env:NODE_DISABLE_COMPILE_CACHE = '1'
    # The release itself looks at each of its files, and puts itself in place in one step.
    & $node (Join-Path $unpacked $Entry) provider update --into $Prefix --unpacked $unpacked --record (Join-Path $staging 'record.json') --release-key (Join-Path $staging 'keys.json') --json | Out-Null
    if ($LASTEXITCODE -ne 0) { Stop-Install 'The release did not put itself in place.' 'What it said stands above.' }
  } finally {
    Remove-Item -LiteralPath $staging -Recurse -Force -ErrorAction SilentlyContinue
    if ($isNew -and -not (Test-Path -LiteralPath (Join-Path $Prefix 'current.json'))) { Remove-Item -LiteralPath $Prefix -ErrorAction SilentlyContinue }
  }
  Write-Host "Installed into $Prefix."
  Add-ToPath (Join-Path $Prefix 'bin')
  Write-Host "`nNext:`n  umbel provider login --coordinator $BaseUrl            link this machine to your account`n  umbel provider service install --coordinator $BaseUrl  serve in the background"
}

# What is installed already knows whose releases it takes, and how to replace itself without losing an answer.
function Update-Existing([string] $Command) {
  $options = @('--coordinator', $BaseUrl, '--channel', $Channel)
  if ($Version) { $options += @('--release', $Version, '--allow-downgrade') }
  if ($DryRun) { $options += '--check' }
  & $Command provider update @options
  if ($LASTEXITCODE -ne 0) { Stop-Install 'Umbel was not updated.' 'What it said stands above. An installation that does not run is taken away with -Uninstall, then made anew.' }
  if (-not $DryRun) { Add-ToPath (Join-Path $Prefix 'bin') }
}

function Uninstall-Umbel([string] $Command) {
  if (-not (Test-Path -LiteralPath (Join-Path $Prefix 'current.json'))) { Stop-Install "There is no installation in $Prefix." 'Name it with -Prefix.' }
  $umbelHome = if ($env:UMBEL_HOME) { $env:UMBEL_HOME } else { Join-Path $env:USERPROFILE '.umbel' }
  $task = Join-Path $umbelHome 'provider\umbel-provider.xml'
  if ((Test-Path -LiteralPath $task) -and (Get-Content -Raw -LiteralPath $task).Contains("$Prefix\")) {
    & $Command provider service uninstall
    if ($LASTEXITCODE -ne 0) { Stop-Install 'The service could not be taken away; nothing else was.' 'See umbel provider service status.' }
  }
  $running = & $Command provider status --json 2>$null | ConvertFrom-Json
  if ($running.running -and (Get-CimInstance Win32_Process -Filter "ProcessId=$($running.provider.pid)").CommandLine -like "*$Prefix\*") {
    & $Command provider stop
    if ($LASTEXITCODE -ne 0) { Stop-Install 'The provider did not stop; nothing was taken away.' 'See umbel provider status.' }
  }
  # The pointer goes first: what is left of half a removal is no installation.
  foreach ($name in 'current.json', 'release-keys.json', 'umbel.mjs', 'bin\umbel', 'bin\umbel.cmd', '.update.lock', '.trial.json', 'versions', '.staging', '.removed') {
    $there = Join-Path $Prefix $name
    if (Test-Path -LiteralPath $there) { Remove-Item -LiteralPath $there -Recurse -Force }
  }
  foreach ($folder in (Join-Path $Prefix 'bin'), $Prefix) {
    if ((Test-Path -LiteralPath $folder) -and -not (Get-ChildItem -LiteralPath $folder -Force)) { Remove-Item -LiteralPath $folder }
  }
  Remove-FromPath (Join-Path $Prefix 'bin')
  Write-Host "Umbel is gone from $Prefix. Keys, models and settings are in $umbelHome still; remove that folder if you want them gone, too."
}

$installed = Join-Path $Prefix 'bin\umbel.cmd'
if ($Uninstall) { Uninstall-Umbel $installed }
elseif (Test-Path -LiteralPath (Join-Path $Prefix 'current.json')) { Update-Existing $installed }
else { Install-New }
